/** A call of a service, as a shell or Python makes it. */

/** Quote a text for a POSIX shell. */
export function shellQuoted(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}

export function curlCall(url: string, data: unknown): string {
  return [
    `curl -s ${shellQuoted(url)} \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d ${shellQuoted(JSON.stringify(data))}`
  ].join('\n');
}

export function pythonCall(url: string, data: unknown): string {
  return [
    'import requests',
    '',
    `answer = requests.post(${pythonText(url)}, json=${pythonLiteral(data)}, timeout=30)`,
    'answer.raise_for_status()',
    'print(answer.json())'
  ].join('\n');
}

/** JSON as Python writes it, a row of data on each line. */
export function pythonLiteral(value: unknown, indent = ''): string {
  if (value === null || value === undefined) {
    return 'None';
  }
  if (typeof value === 'boolean') {
    return value ? 'True' : 'False';
  }
  if (typeof value === 'string') {
    return pythonText(value);
  }
  if (typeof value !== 'object') {
    return String(value);
  }
  const inner = `${indent}    `;
  const parts = Array.isArray(value)
    ? value.map(one => pythonLiteral(one, inner))
    : Object.entries(value).map(([k, one]) => `${pythonText(k)}: ${pythonLiteral(one, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const line = `${open}${parts.join(', ')}${close}`;
  if (line.length + indent.length <= 88 && !line.includes('\n')) {
    return line;
  }
  return `${open}\n${parts.map(part => `${inner}${part},\n`).join('')}${indent}${close}`;
}

/** A text in double quotes; JSON's escapes are Python's too. */
function pythonText(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, char =>
    char === '\u2028' ? '\\u2028' : '\\u2029'
  );
}
