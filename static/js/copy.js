// Buttons that copy the text in data-copy, and say so.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const label = button.querySelector("span");
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Select the text to copy it";
  }
  document.getElementById("announce").textContent = label.textContent;
  setTimeout(() => (label.textContent = before), 2000);
});
