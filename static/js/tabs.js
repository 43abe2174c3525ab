// Turns the sections of a [data-tabs] box into real tabs. Without scripts they stay sections.
(function () {
  function select(tabs, chosen, focus) {
    for (const tab of tabs) {
      const on = tab === chosen;
      tab.setAttribute("aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !on;
    }
    if (focus) chosen.focus();
  }

  function dress(box) {
    const panels = [...box.children];
    if (panels.length < 2 || box.querySelector("[role=tablist]")) return;
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    list.className = "tabs";
    const tabs = panels.map((panel) => {
      const heading = panel.querySelector("[data-tab]");
      const tab = document.createElement("button");
      tab.type = "button";
      tab.id = panel.id + "-tab";
      tab.textContent = heading.textContent;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      heading.hidden = true;
      list.append(tab);
      return tab;
    });
    list.addEventListener("click", (event) => {
      const tab = event.target.closest("[role=tab]");
      if (tab) select(tabs, tab, false);
    });
    list.addEventListener("keydown", (event) => {
      const here = tabs.indexOf(document.activeElement);
      const there = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 };
      if (here < 0 || !(event.key in there)) return;
      event.preventDefault();
      select(tabs, tabs[(there[event.key] + tabs.length) % tabs.length], true);
    });
    box.prepend(list);
    select(tabs, tabs[0], false);
  }

  function dressAll() {
    document.querySelectorAll("[data-tabs]").forEach(dress);
  }
  document.addEventListener("DOMContentLoaded", dressAll);
  document.addEventListener("htmx:after:swap", dressAll);
})();
