// Single keys: "/" searches, "g" and a letter goes to a page, "?" lists the keys.
(function () {
  let going = 0;

  function typing(target) {
    return target.closest("input, textarea, select, dialog[open], [contenteditable]");
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
    const keys = document.getElementById("keys");
    const search = document.getElementById("search");
    const goes = Date.now() - going < 1500;
    going = 0;
    if (goes) {
      const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (link) link.click();
    } else if (event.key === "g") {
      going = Date.now();
    } else if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "?" && keys) {
      keys.showModal();
    }
  });
})();
