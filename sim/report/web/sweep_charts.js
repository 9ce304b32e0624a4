// SPDX-License-Identifier: MIT
// Vega specifications of a sweep: curves with knees, and heat maps.
'use strict';

const sweepCharts = (() => {
  const { base, at, enter, bottomAxis, leftAxis, seriesLines } = charts;

  // Curves: points {series, x, y, low, high, color, dash, knee, best, tip}, in the order of x; x {name, values, numeric}; domain of y.
  function curves(points, width, theme, x, domain) {
    const height = 240,
      left = 62,
      bottom = 46,
      top = 10,
      right = 14;
    const [least, most] = [Math.min(...x.values), Math.max(...x.values)];
    const scale = !x.numeric
      ? { type: 'point', domain: x.values, padding: 0.5 }
      : {
          type: least > 0 && most >= 8 * least ? 'log' : 'linear',
          base: 2,
          domain: [least, most],
          nice: false,
          zero: false,
        };
    const ticks = x.numeric ? { values: x.values, format: x.values.every((v) => v < 100000) ? 'd' : '~s' } : {};
    const place = { x: at('x', 'x'), y: at('y', 'y') };
    const symbols = (data, size, marks) => ({
      type: 'symbol',
      from: { data },
      encode: enter({ ...place, size: { value: size }, tooltip: { field: 'tip' }, ...marks }),
    });
    return base(theme, width, height, {
      data: [
        { name: 'points', values: points },
        { name: 'knees', values: points.filter((p) => p.knee) },
        { name: 'best', values: points.filter((p) => p.best) },
      ],
      scales: [
        { name: 'x', range: [left, width - right], ...scale },
        { name: 'y', type: 'linear', domain, range: [height - bottom, top], nice: true, zero: domain[0] === 0 },
      ],
      axes: [
        bottomAxis(height, bottom, { title: x.name, domain: true, ...ticks }),
        leftAxis(left, { format: '~s' }),
      ],
      marks: [
        seriesLines(2, place, {
          type: 'rule',
          from: { data: 'line' },
          encode: enter({ x: at('x', 'x'), y: at('y', 'low'), y2: at('y', 'high'), stroke: { field: 'color' } }),
        }),
        symbols('points', 28, { fill: { field: 'color' } }),
        symbols('knees', 150, {
          fill: { value: 'transparent' },
          stroke: { field: 'color' },
          strokeWidth: { value: 2 },
        }),
        symbols('best', 170, {
          shape: { value: 'diamond' },
          fill: { value: theme.accent },
          stroke: { value: theme.page },
        }),
      ],
    });
  }

  // A heat map: cells {x, y, value, best, tip}; x and y {name, values}; domain of the values.
  function heat(cells, width, theme, x, y, domain) {
    const left = 74,
      right = 6,
      bottom = 44,
      height = y.values.length * 26 + bottom;
    const cell = {
      x: at('x', 'x'),
      width: { scale: 'x', band: 1 },
      y: at('y', 'y'),
      height: { scale: 'y', band: 1 },
      tooltip: { field: 'tip' },
    };
    return base(theme, width, height, {
      data: [
        { name: 'cells', values: cells },
        { name: 'best', values: cells.filter((c) => c.best) },
      ],
      scales: [
        { name: 'x', type: 'band', domain: x.values, range: [left, width - right], padding: 0.04 },
        { name: 'y', type: 'band', domain: [...y.values].reverse(), range: [0, height - bottom], padding: 0.06 },
        {
          name: 'color',
          type: 'linear',
          domain: [0, 1, 2, 3].map((i) => domain[0] + (i * (domain[1] - domain[0])) / 3),
          range: theme.hits.slice(0, 4),
        },
      ],
      axes: [
        bottomAxis(height, bottom, { title: x.name }),
        { scale: 'y', orient: 'left', offset: -left, domain: false },
      ],
      marks: [
        { type: 'rect', from: { data: 'cells' }, encode: enter({ ...cell, fill: { scale: 'color', field: 'value' } }) },
        {
          type: 'rect',
          from: { data: 'best' },
          encode: enter({
            ...cell,
            fill: { value: 'transparent' },
            stroke: { value: theme.accent },
            strokeWidth: { value: 3 },
          }),
        },
      ],
    });
  }

  return { curves, heat };
})();
