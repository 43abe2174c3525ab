// The form of a policy: finds rules, and marks those that were edited. Without scripts all show.
(function () {
  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("[data-policy]");
    const tools = form?.querySelector("[data-rule-tools]");
    if (!tools) return;
    const rows = [...form.querySelectorAll("[data-rule]")];
    const count = tools.querySelector("[data-rule-count]");
    const text = tools.querySelector("#rule-filter");
    const only = tools.querySelector("#rule-set");
    const none = form.querySelector("[data-rule-none]");

    function edited(field) {
      if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
      const first = [...field.options].find((option) => option.defaultSelected);
      return field.value !== (first || field.options[0]).value;
    }

    function mark() {
      for (const row of rows) {
        const changed = [...row.querySelectorAll("select, input, textarea")].some(edited);
        row.classList.toggle("rule-row-edited", changed);
        row.querySelector("[data-edited]").hidden = !changed;
      }
    }

    function filter() {
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const said = row.dataset.rule.toLowerCase();
        const kept = !only.checked || row.matches(".rule-row-set, .rule-row-edited, .rule-row-wrong");
        row.hidden = !(kept && words.every((word) => said.includes(word)));
        shown += !row.hidden;
      }
      for (const family of form.querySelectorAll("[data-family]")) {
        family.hidden = !family.querySelector("[data-rule]:not([hidden])");
        if (words.length || only.checked) family.open = true;
      }
      none.hidden = shown > 0;
      const changed = form.querySelectorAll(".rule-row-edited").length;
      count.textContent = `${shown} of ${rows.length} rules shown, ${changed} edited`;
    }

    tools.hidden = false;
    // A mistake's link leads to a field that may be folded away.
    document.addEventListener("click", (event) => {
      const field = document.getElementById(event.target.closest?.("a[href^='#']")?.hash.slice(1) || "");
      for (let fold = field?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    });
    text.addEventListener("input", filter);
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
    only.addEventListener("change", filter);
    form.addEventListener("change", () => {
      mark();
      filter();
    });
    mark();
    filter();
  });
})();
