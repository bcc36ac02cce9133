// The script of the page: filters, sorting, plots, and what is new of a running validator. Without it the tables stand.

const { weights, runs } = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);
for (const part of document.querySelectorAll('.filters, .plots')) part.hidden = false;

// Choices live in the address, so that they outlast a reload.
const chosen = new URLSearchParams(location.hash.includes('=') ? location.hash.slice(1) : '');
function choose(name, value) {
  if (value) chosen.set(name, value);
  else chosen.delete(name);
  history.replaceState(null, '', chosen.size > 0 ? `#${chosen}` : location.pathname + location.search);
}

const table = document.querySelector('table.standings');
if (table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const texts = new Map(
    rows.map((row) => [
      row,
      `uid ${row.dataset.uid} ${row.textContent} ${[...row.querySelectorAll('[title]')].map((one) => one.title).join(' ')}`.toLowerCase(),
    ]),
  );
  const find = byId('find');
  const chips = [...document.querySelectorAll('#standings .chip')];

  const all = byId('all');
  let first = Number(table.dataset.first);
  all.addEventListener('click', () => {
    first = rows.length;
    filter();
  });
  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = chosen.get('kind');
    const isFiltered = kind || words.length > 0;
    let shown = 0;
    for (const row of body.rows) {
      const fits = (!kind || row.dataset.kind === kind) && words.every((word) => texts.get(row).includes(word));
      row.hidden = !fits || (!isFiltered && shown >= first);
      if (!row.hidden) shown++;
    }
    all.hidden = isFiltered || shown === rows.length;
    byId('shown').textContent = shown === rows.length ? `${rows.length} miners` : `${shown} of ${rows.length} miners`;
    for (const chip of chips) chip.setAttribute('aria-pressed', String(chip.dataset.kind === kind));
  };
  find.value = chosen.get('find') ?? '';
  find.addEventListener('input', () => {
    choose('find', find.value);
    filter();
  });
  for (const chip of chips)
    chip.addEventListener('click', () => {
      choose('kind', chosen.get('kind') === chip.dataset.kind ? '' : chip.dataset.kind);
      filter();
    });

  const heads = [...table.querySelectorAll('th[data-sort]')];
  const sort = () => {
    const [name, way] = (chosen.get('sort') ?? '').split('.');
    for (const head of heads) {
      if (head.dataset.sort === name) head.setAttribute('aria-sort', way === 'up' ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    }
    // What has no number stands last either way.
    const numberOf = (row) =>
      row.dataset[name] ? Number(row.dataset[name]) * (way === 'up' ? 1 : -1) : Number.POSITIVE_INFINITY;
    body.append(...(name ? rows.toSorted((a, b) => numberOf(a) - numberOf(b) || 0) : rows));
    filter();
  };
  for (const head of heads) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener('click', () => {
      const name = head.dataset.sort;
      const first = name === 'loss' || name === 'uid' ? 'up' : 'down';
      const other = first === 'up' ? 'down' : 'up';
      const now = chosen.get('sort');
      choose(
        'sort',
        now === `${name}.${first}` ? `${name}.${other}` : now === `${name}.${other}` ? '' : `${name}.${first}`,
      );
      sort();
    });
  }
  sort();
}

const COLOURS = 8;
const style = () => getComputedStyle(document.documentElement);
const colour = (name) => style().getPropertyValue(name).trim();
/** Of more than there are colours, the first have one and the rest are grey. */
const colourOf = ({ uid, rank }) => (uid === null || rank >= COLOURS ? '--c8' : `--c${rank}`);
const nameOf = ({ uid }) => (uid === null ? 'all others' : `uid ${uid}`);
const digits = (value) =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 1 ? value.toFixed(2) : value.toPrecision(3);
const plots = [];

/** Draws series of one plot, and tells in its caption what is under the pointer. */
function plot(id, series, { unit = '', ofX }) {
  const place = byId(id);
  if (!place) return;
  const caption = place.parentElement.querySelector('figcaption');
  const output = caption.querySelector('output') ?? caption.appendChild(document.createElement('output'));
  const hidden = new Set();
  let chart = null;
  const draw = () => {
    chart?.destroy();
    const axis = {
      stroke: colour('--soft'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: '11.5px system-ui, sans-serif',
    };
    const options = {
      width: place.clientWidth,
      height: place.clientHeight,
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, focus: { prox: 24 }, drag: { x: true, y: false } },
      focus: { alpha: 0.25 },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 28, space: 70, values: (_, values) => values.map((value) => value.toLocaleString('en')) },
        {
          ...axis,
          size: 46,
          space: 34,
          values: (_, values) => values.map((value) => `${Number(value.toPrecision(4))}${unit}`),
        },
      ],
      series: [
        {},
        ...series.map((one) => ({
          label: nameOf(one),
          stroke: colour(colourOf(one)),
          width: one.rank < COLOURS ? 1.7 : 1,
          alpha: one.rank < COLOURS ? 1 : 0.45,
          spanGaps: one.spanGaps ?? false,
          points: { show: one.xs.length < 3 },
          show: !hidden.has(one.uid),
        })),
      ],
      hooks: { setCursor: [tell], setSeries: [tell] },
    };
    chart = new uPlot(options, uPlot.join(series.map(({ xs, ys }) => [xs, ys])), place);
  };
  const tell = (drawn) => {
    const { idx } = drawn.cursor;
    const focused = drawn.series.findIndex((one, i) => i > 0 && one._focus === true && one.show);
    const at = focused > 0 && idx !== null ? drawn.data[focused][idx] : null;
    output.textContent =
      at === null || at === undefined
        ? ''
        : `${ofX} ${drawn.data[0][idx].toLocaleString('en')}, ${nameOf(series[focused - 1])}: ${digits(at)}${unit}`;
  };
  draw();
  const one = {
    draw,
    resize: () => chart.setSize({ width: place.clientWidth, height: place.clientHeight }),
    destroy: () => chart.destroy(),
    only: (uids) => {
      for (const [i, { uid }] of series.entries()) {
        const show = uids.size === 0 || uids.has(uid);
        if (show) hidden.delete(uid);
        else hidden.add(uid);
        chart.setSeries(i + 1, { show });
      }
    },
  };
  plots.push(one);
  return one;
}

/** A chip for each series, that shows it alone or beside others chosen. */
function chipsFor(id, series, drawn) {
  const place = byId(id);
  if (!place) return;
  const only = new Set();
  place.replaceChildren(
    ...series.map((one) => {
      const chip = document.createElement('button');
      chip.type = 'button';
      chip.className = 'chip';
      chip.setAttribute('aria-pressed', 'false');
      const dot = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
      dot.setAttribute('viewBox', '0 0 2 2');
      const circle = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
      for (const name of ['cx', 'cy', 'r']) circle.setAttribute(name, '1');
      circle.style.fill = `var(${colourOf(one)})`;
      dot.append(circle);
      chip.append(dot, nameOf(one));
      chip.addEventListener('click', () => {
        if (!only.delete(one.uid)) only.add(one.uid);
        chip.setAttribute('aria-pressed', String(only.has(one.uid)));
        for (const plotted of drawn) plotted?.only(only);
      });
      return chip;
    }),
  );
}

const ofWeights = weights.curves.map(({ uid, percents }, rank) => ({ uid, rank, xs: weights.blocks, ys: percents }));
if (ofWeights.length > 0)
  chipsFor('weight-chips', ofWeights, [plot('plot-weights', ofWeights, { unit: '%', ofX: 'block' })]);

const runsOf = byId('runs-of');
if (runsOf) {
  let drawn = [];
  const drawRuns = () => {
    for (const one of drawn) {
      one.destroy();
      plots.splice(plots.indexOf(one), 1);
    }
    // The lowest last loss first; drawn last, so that it lies on top.
    const some = runs.filter(({ startBlock }) => String(startBlock ?? '') === runsOf.value);
    some.sort((a, b) => (a.losses.at(-1) ?? Infinity) - (b.losses.at(-1) ?? Infinity) || a.uid - b.uid);
    const series = (name) =>
      some.map((run, rank) => ({ uid: run.uid, rank, xs: run.steps, ys: run[name], spanGaps: true }));
    drawn = [
      plot('plot-loss', series('losses').reverse(), { ofX: 'step' }),
      plot('plot-grad', series('gradNorms').reverse(), { ofX: 'step' }),
    ];
    chipsFor('run-chips', series('losses'), drawn);
  };
  if ([...runsOf.options].some(({ value }) => value === chosen.get('epoch'))) runsOf.value = chosen.get('epoch');
  runsOf.addEventListener('change', () => {
    choose('epoch', runsOf.value);
    drawRuns();
  });
  drawRuns();
}

let resizing = 0;
addEventListener('resize', () => {
  cancelAnimationFrame(resizing);
  resizing = requestAnimationFrame(() => {
    for (const one of plots) one.resize();
  });
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const one of plots) one.draw();
});

// Of a running validator: what goes on now, every few seconds while somebody looks.
const live = byId('live');
const EVERY_MS = 3_000;
if (live && location.protocol.startsWith('http')) {
  const { version } = live.dataset;
  const look = async () => {
    if (document.visibilityState !== 'visible') return;
    const answer = await fetch('live').catch(() => null);
    if (!answer?.ok) {
      live.querySelector('.pill').textContent = 'not reached';
      live.querySelector('.pill').className = 'pill ended';
      return;
    }
    const template = document.createElement('template');
    template.innerHTML = await answer.text();
    const now = template.content.firstElementChild;
    live.replaceChildren(...now.childNodes);
    // A miner is done, or the epoch: the rest is drawn anew.
    if (now.dataset.version !== version && !document.activeElement?.matches('input, select')) location.reload();
  };
  setInterval(look, EVERY_MS);
  document.addEventListener('visibilitychange', look);
}
