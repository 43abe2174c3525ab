// Pages of signing in: passwords can be shown, codes printed, and the time zone is the browser's.
document.addEventListener("DOMContentLoaded", () => {
  for (const field of document.querySelectorAll("input[type=password]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn reveal";
    button.textContent = "Show";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-controls", field.id);
    button.setAttribute("aria-label", "Show the password");
    button.addEventListener("click", () => {
      const shown = field.type === "text";
      field.type = shown ? "password" : "text";
      button.setAttribute("aria-pressed", String(!shown));
    });
    const box = document.createElement("div");
    box.className = "with-reveal";
    const focused = document.activeElement === field;
    field.replaceWith(box);
    box.append(field, button);
    if (focused) field.focus();
  }
  for (const field of document.querySelectorAll("[data-time-zone]")) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.addEventListener("click", () => window.print());
  }
});
