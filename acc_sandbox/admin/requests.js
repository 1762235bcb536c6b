const list = document.getElementById('requests');
const quiet = document.getElementById('quiet');
async function more() {
  if (document.hidden) return;
  try {
    const answer = await fetch('/requests/rows?after=' + list.dataset.last);
    if (!answer.ok) return;
    const rows = document.createElement('template');
    rows.innerHTML = await answer.text();
    for (const row of [...rows.content.children].reverse()) {
      const old = document.getElementById(row.id);
      if (old) { row.open = old.open; old.replaceWith(row); } else list.prepend(row);
    }
    const last = list.querySelector('[data-done]');
    if (last) { list.dataset.last = last.dataset.done; quiet.hidden = true; }
  } catch { /* the sandbox has stopped; the next round will tell */ }
}
setInterval(more, 1500);
