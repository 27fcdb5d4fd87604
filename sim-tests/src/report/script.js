// Stretches the timeline, tells what is under the pointer, filters the calls.
(function () {
  "use strict";
  const find = (id) => document.getElementById(id);
  const timeline = find("timeline"), scroll = find("scroll"), hair = find("hair"), cursor = find("cursor");
  const end = Number(timeline.dataset.endUs);
  let zoom = 1;

  function stretch(wanted) {
    const middle = (scroll.scrollLeft + scroll.clientWidth / 2) / timeline.clientWidth;
    zoom = Math.min(64, Math.max(1, wanted));
    timeline.style.width = zoom * 100 + "%";
    timeline.classList.toggle("stretched", zoom >= 4);
    scroll.scrollLeft = middle * timeline.clientWidth - scroll.clientWidth / 2;
  }
  for (const button of document.querySelectorAll("[data-zoom]")) {
    const by = Number(button.dataset.zoom);
    button.addEventListener("click", () => stretch(by ? zoom * by : 1));
  }

  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  // The browser's own hint is slow; ours says the same at once.
  for (const title of document.querySelectorAll(".chart svg *:not(svg) > title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove();
  }
  document.querySelector(".chart").addEventListener("mousemove", (event) => {
    const marked = event.target.closest("[data-tip]");
    tip.hidden = !marked;
    if (marked) {
      tip.textContent = marked.dataset.tip;
      const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
      const below = event.clientY + 18 + tip.offsetHeight < innerHeight;
      tip.style.left = Math.max(4, left) + "px";
      tip.style.top = (below ? event.clientY + 18 : event.clientY - tip.offsetHeight - 10) + "px";
    }
    const box = timeline.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const inside = scroll.contains(event.target);
    hair.setAttribute("visibility", inside ? "visible" : "hidden");
    hair.setAttribute("x1", share * 100 + "%");
    hair.setAttribute("x2", share * 100 + "%");
    cursor.textContent = inside ? ((share * end) / 1e6).toFixed(3) + " s" : "";
  });
  document.querySelector(".chart").addEventListener("mouseleave", () => {
    tip.hidden = true;
    cursor.textContent = "";
    hair.setAttribute("visibility", "hidden");
  });

  const session = find("by-session"), ending = find("by-ending"), text = find("by-text");
  const rows = Array.from(document.querySelectorAll("#calls tbody tr"));
  function filter() {
    const wanted = text.value.toLowerCase();
    let seen = 0;
    for (const row of rows) {
      const fits =
        (!session.value || row.dataset.s === session.value) &&
        (!ending.value || row.dataset.e === ending.value) &&
        (!wanted || row.textContent.toLowerCase().includes(wanted));
      row.hidden = !fits;
      seen += fits;
    }
    find("count").textContent = seen + " of " + rows.length;
  }
  session.addEventListener("change", filter);
  ending.addEventListener("change", filter);
  text.addEventListener("input", filter);
  filter();
})();
