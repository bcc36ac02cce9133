// Checks what is dropped on the page. Texts of the file go into the page as text only.
import { Competition, checkBytes } from '../../src/doors/schema.ts';

const drop = document.getElementById('drop');
const result = document.getElementById('result');
const competition = Competition.parse({});
let last = 0;

function element(name, text, ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}

function show(kind, ...children) {
  result.className = kind;
  result.hidden = false;
  result.replaceChildren(...children);
}

async function check(file) {
  const turn = ++last;
  show('', element('p', `Reading ${file.name} ...`));
  try {
    // Larger ones are refused by their size, without being read.
    const bytes = file.size > competition.maxBytes ? null : new Uint8Array(await file.arrayBuffer());
    if (bytes === null) {
      show(
        'bad',
        element('h2', 'Refused: dataset-too-large'),
        element('p', `It has ${file.size} bytes, and ${competition.maxBytes} are allowed.`),
      );
      return;
    }
    const checked = await checkBytes({ bytes, competition });
    if (turn === last) tell(file, checked);
  } catch (error) {
    if (turn === last)
      show('bad', element('h2', 'It could not be read'), element('p', String(error?.message ?? error)));
  }
}

function tell(file, checked) {
  if (!checked.ok) {
    const { reason, message, facts } = checked.verdict;
    const kinds = (facts?.kinds ?? []).map(({ kind, count, lines }) =>
      element('li', `${count} like line ${lines.join(', ')}: ${kind}`),
    );
    show(
      'bad',
      element('h2', `Refused: ${reason}`),
      element('p', message),
      ...(kinds.length > 0 ? [element('ul', '', ...kinds)] : []),
    );
    return;
  }
  const { rows, sha256, likelyTokens, warnings } = checked.value;
  const facts = [
    ['File', file.name],
    ['Rows', rows.length.toLocaleString('en')],
    ['Bytes', file.size.toLocaleString('en')],
    ['Tokens, estimated', likelyTokens.toLocaleString('en')],
    ['sha256', sha256],
  ];
  const listed = facts.flatMap(([name, value]) => [element('dt', name), element('dd', value)]);
  const warned = warnings.map((warning) => element('li', warning));
  show(
    'good',
    element('h2', 'Valid'),
    element('p', 'A validator would train on it.'),
    element('dl', '', ...listed),
    ...(warned.length > 0 ? [element('ul', '', ...warned)] : []),
  );
}

document.getElementById('file').addEventListener('change', ({ target }) => {
  if (target.files[0]) check(target.files[0]);
});
for (const name of ['dragover', 'dragleave', 'drop'])
  addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', name === 'dragover');
    if (name === 'drop' && event.dataTransfer.files[0]) check(event.dataTransfer.files[0]);
  });
