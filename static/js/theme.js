// Runs before the first paint: decides what "system" means and says that scripts work.
(function () {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  root.classList.add("js");
  function apply() {
    if (root.dataset.themeChoice === "system") {
      root.dataset.bsTheme = dark.matches ? "dark" : "light";
    }
  }
  apply();
  dark.addEventListener("change", apply);
})();
