// SPDX-License-Identifier: MIT
// Charts on a page: drawn to the width there is, again when width, colours or what is shown change; with tooltips, toggles and zoom.
'use strict';

const figures = (() => {
  const { make, button, swatch, table, theme } = page;
  const all = [];

  const tip = make('div', { id: 'tip', hidden: '' });
  document.body.append(tip);
  const showTip = (handler, event, item, value) => {
    tip.hidden = !value;
    if (!value) return;
    tip.textContent = value;
    const { clientX: x, clientY: y } = event;
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${y + 18 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 8 : y + 18}px`;
  };

  function draw(figure) {
    const width = Math.floor(figure.node.clientWidth);
    if (width === 0) return; // inside something that is closed: drawn when it opens
    if (figure.view) figure.view.finalize();
    figure.width = width;
    const spec = figure.spec(width, theme(), { hidden: figure.hidden, domain: figure.domain });
    figure.node.replaceChildren();
    figure.view = new vega.View(vega.parse(spec), { renderer: 'svg', container: figure.node, hover: false }).tooltip(
      showTip,
    );
    figure.view.run();
    // One picture with one name: its numbers are in the table below it, not in hundreds of named marks.
    figure.node.querySelector('svg').setAttribute('aria-hidden', 'true');
    document.documentElement.dataset.drawn = String(all.filter((f) => f.view).length); // for tests: all charts are there
  }
  const drawAll = () => all.forEach(draw);
  const resized = new ResizeObserver((entries) => {
    for (const entry of entries) {
      const figure = all.find((f) => f.node === entry.target);
      if (Math.floor(figure.node.clientWidth) !== figure.width) requestAnimationFrame(() => draw(figure));
    }
  });

  // ---- toggles: a button for each series ----
  const toggles = (label, entries, hidden, changed) =>
    make(
      'div',
      { class: 'legend', role: 'group', 'aria-label': label },
      ...entries.map(({ key, name, color }) => {
        const node = button(
          '',
          () => {
            if (!hidden.delete(key)) hidden.add(key);
            node.setAttribute('aria-pressed', String(!hidden.has(key)));
            changed();
          },
          { 'aria-pressed': 'true', title: `show or hide ${name}` },
        );
        node.append(swatch(color), name);
        return node;
      }),
    );

  // ---- zoom along x: buttons, or a stretch drawn with the mouse ----
  function zoomTools(figure) {
    const set = (low, high) => {
      const [first, last] = figure.extent;
      const least = (last - first) / 1e4;
      figure.domain = [Math.max(first, low), Math.min(last, Math.max(high, low + least))];
      draw(figure);
    };
    const by = (factor, shift) => () => {
      const [low, high] = figure.domain;
      const middle = (low + high) / 2 + shift * (high - low);
      const half = (factor * (high - low)) / 2;
      const kept = Math.min(Math.max(middle, figure.extent[0] + half), figure.extent[1] - half);
      set(...(half * 2 >= figure.extent[1] - figure.extent[0] ? figure.extent : [kept - half, kept + half]));
    };
    let from = null;
    const stretch = make('div', { class: 'stretch', hidden: '' });
    const x = (event) => event.clientX - figure.node.getBoundingClientRect().left;
    figure.node.classList.add('zooms');
    figure.node.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || event.pointerType === 'touch') return;
      from = x(event);
      figure.node.append(stretch);
    });
    addEventListener('pointermove', (event) => {
      if (from === null) return;
      stretch.hidden = false;
      stretch.style.left = `${Math.min(from, x(event))}px`;
      stretch.style.width = `${Math.abs(x(event) - from)}px`;
    });
    addEventListener('pointerup', (event) => {
      if (from === null) return;
      const [a, b] = [from, x(event)].sort((p, q) => p - q);
      from = null;
      stretch.hidden = true;
      const scale = figure.view.scale('x');
      if (b - a > 5) set(scale.invert(a), scale.invert(b));
    });
    figure.node.addEventListener('dblclick', () => set(...figure.extent));
    return make(
      'div',
      { class: 'tools', role: 'group', 'aria-label': `zoom: ${figure.label}` },
      button('\u2212', by(2, 0), { 'aria-label': 'zoom out' }),
      button('+', by(0.5, 0), { 'aria-label': 'zoom in' }),
      button('\u2190', by(1, -0.5), { 'aria-label': 'earlier' }),
      button('\u2192', by(1, 0.5), { 'aria-label': 'later' }),
      button('all', () => set(...figure.extent)),
      make('span', { class: 'note', text: 'or draw a stretch with the mouse' }),
    );
  }

  // A chart with its legend, tools and data. spec(width, theme, {hidden, domain}) makes the specification; `legend` is a list of
  // {key, name, color}; `extent` of x makes it zoomable; head and rows are the same numbers as a table.
  function figure({ label, title, spec, legend, extent, head, rows }) {
    const node = make('div', { class: 'chart', role: 'img', 'aria-label': label });
    const made = { node, label, spec, hidden: new Set(), extent, domain: extent };
    all.push(made);
    resized.observe(node);
    return make(
      'figure',
      {},
      ...(title ? [make('figcaption', {}, make('h3', { text: title }))] : []),
      ...(legend ? [toggles(`series: ${label}`, legend, made.hidden, () => draw(made))] : []),
      node,
      ...(extent ? [zoomTools(made)] : []),
      ...(rows
        ? [make('details', { class: 'data' }, make('summary', { text: 'data' }), table(label, head, rows))]
        : []),
    );
  }
  const grid = (...children) => make('div', { class: 'grid' }, ...children);
  // Takes all figures inside a node off the page.
  const remove = (node) => {
    for (const gone of all.filter((f) => node.contains(f.node))) {
      resized.unobserve(gone.node);
      if (gone.view) gone.view.finalize();
      all.splice(all.indexOf(gone), 1);
    }
    node.replaceChildren();
  };

  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  addEventListener('beforeprint', drawAll);
  addEventListener('afterprint', drawAll);

  return { figure, grid, toggles, drawAll, remove };
})();
