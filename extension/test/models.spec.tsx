import { describe, expect, it } from 'vitest';

import { lineageOf } from '../src/models/lineage';
import {
  completed,
  fitsForm,
  formSchema,
  routesOf,
  tableOf,
  withRowsFilled
} from '../src/models/schema';
import { fieldsOf, sampleOf } from '../src/models/signature';
import { curlCall, pythonCall, pythonLiteral, shellQuoted } from '../src/models/snippets';
import { promotedName, stepsOf } from '../src/models/steps';
import type { JobEvent } from '../src/types';
import { PATH, trans } from './panelmodel';

/** As BentoML writes it for a function that takes rows. */
const INPUT = {
  type: 'object',
  title: 'Input',
  required: ['bottles'],
  properties: {
    bottles: {
      type: 'array',
      title: 'Bottles',
      minItems: 1,
      items: {
        type: 'object',
        title: 'Row',
        additionalProperties: false,
        required: ['alcohol', 'hue'],
        properties: {
          alcohol: { type: 'number', title: 'Alcohol', description: '11 to 14 in training' },
          hue: { anyOf: [{ type: 'number' }, { type: 'null' }], title: 'Hue' },
          note: { type: 'string', title: 'Note' }
        }
      }
    }
  }
};

describe('routesOf', () => {
  it('pairs each route with its sample', () => {
    const routes = routesOf(
      { predict: { input: INPUT, output: {} } },
      { predict: { bottles: [] } }
    );

    expect(routes).toEqual([{ name: 'predict', input: INPUT, sample: { bottles: [] } }]);
  });

  it('has none where the files of a version are gone', () => {
    expect(routesOf(null, null)).toEqual([]);
  });
});

describe('the form of an input', () => {
  it('names fields as the service does, and makes one field of a value that may be null', () => {
    const form = formSchema(INPUT);
    const rows = (form.properties as Record<string, { items: { properties: object } }>).bottles;

    expect(rows).not.toHaveProperty('title');
    expect(rows.items.properties).toEqual({
      alcohol: { type: 'number', description: '11 to 14 in training' },
      hue: { type: ['number', 'null'] },
      note: { type: 'string' }
    });
  });

  it('keeps a property that is called title', () => {
    const form = formSchema({
      type: 'object',
      properties: { title: { type: 'string', title: 'T' } }
    });

    expect(form.properties).toEqual({ title: { type: 'string' } });
  });

  it('sends null for what was left empty and may be null, and leaves all else to the service', () => {
    expect(completed(INPUT, { bottles: [{ alcohol: 12 }, { hue: 1 }] })).toEqual({
      bottles: [{ alcohol: 12, hue: null }, { hue: 1 }]
    });
  });

  it('follows references to the definitions of a schema', () => {
    const schema = {
      $defs: { Row: INPUT.properties.bottles.items },
      properties: { row: { $ref: '#/$defs/Row' } }
    };

    expect(completed(schema, { row: { alcohol: 1 } })).toEqual({ row: { alcohol: 1, hue: null } });
  });

  it('begins a new row as a copy of the one before it', () => {
    const before = { bottles: [{ alcohol: 12 }] };

    expect(
      withRowsFilled(before, { bottles: [{ alcohol: 12 }, { alcohol: undefined }] } as never)
    ).toEqual({
      bottles: [{ alcohol: 12 }, { alcohol: 12 }]
    });
    expect(withRowsFilled(before, { bottles: [{}] })).toEqual({ bottles: [{}] });
  });

  it('is not offered for an image of pixels', () => {
    expect(fitsForm({ pixels: new Array(784).fill(0) })).toBe(false);
    expect(fitsForm({ bottles: [{ alcohol: 1 }] })).toBe(true);
  });
});

describe('sampleOf', () => {
  const field = { name: 'age', type: 'number', isRequired: true, about: '' };

  it('finds what a sample has for a field, in the first row of several', () => {
    const sample = { digits: 3, age: 1, rows: [{ age: 40, at: [{ age: 7 }] }, { age: 41 }] };

    expect(sampleOf(sample, { ...field, of: '' })).toBe('1');
    expect(sampleOf(sample, { ...field, of: 'rows[]' })).toBe('40');
    expect(sampleOf(sample, { ...field, of: 'rows[].at[]' })).toBe('7');
    expect(sampleOf(sample, { ...field, of: 'others[]' })).toBe('');
    expect(sampleOf({ age: 'x'.repeat(100) }, { ...field, of: '' })).toHaveLength(40);
  });
});

describe('fieldsOf', () => {
  it('lists the fields of rows with their types', () => {
    expect(fieldsOf(INPUT)).toEqual([
      {
        name: 'alcohol',
        of: 'bottles[]',
        type: 'number',
        isRequired: true,
        about: '11 to 14 in training'
      },
      { name: 'hue', of: 'bottles[]', type: 'number or null', isRequired: true, about: '' },
      { name: 'note', of: 'bottles[]', type: 'string', isRequired: false, about: '' }
    ]);
  });
});

describe('tableOf', () => {
  it('is for lists of flat objects', () => {
    expect(tableOf([{ a: 1 }, { b: null }])).toEqual({
      head: ['a', 'b'],
      rows: [
        [1, undefined],
        [undefined, null]
      ]
    });
    expect(tableOf([{ a: [1] }])).toBeNull();
    expect(tableOf([1, 2])).toBeNull();
    expect(tableOf([])).toBeNull();
  });
});

describe('snippets', () => {
  it('quote for the shell', () => {
    expect(shellQuoted("it's")).toBe("'it'\\''s'");
    expect(curlCall('http://h:1/predict', { a: "x'y" })).toBe(
      "curl -s 'http://h:1/predict' \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"a\":\"x'\\''y\"}'"
    );
  });

  it('write JSON as Python', () => {
    expect(pythonLiteral({ a: [true, null, 1.5, 'ü"'] })).toBe('{"a": [True, None, 1.5, "ü\\""]}');
    expect(pythonCall('http://h/p', { a: 1 })).toContain(
      'requests.post("http://h/p", json={"a": 1}, timeout=30)'
    );
  });

  it('break long data into lines', () => {
    const long = pythonLiteral({ rows: [{ a: 'x'.repeat(60), b: 'y'.repeat(60) }] });

    expect(long.split('\n')[0]).toBe('{');
    expect(long).toContain('\n            "a": "');
  });
});

describe('stepsOf', () => {
  const step = (number: number, name: string): JobEvent => ({
    job: 'j',
    kind: 'promote',
    path: PATH,
    number,
    data: { event: 'step', step: name, detail: `about ${name}` }
  });
  const states = (events: JobEvent[], status: 'running' | 'failed' | 'done'): string[] =>
    stepsOf(events, status).map(one => one.state);

  it('has the newest step under way, or failed where the job did', () => {
    const events = [step(0, 'gate'), step(1, 'capture')];

    expect(states(events, 'running')).toEqual(['done', 'running', 'queued', 'queued', 'queued']);
    expect(states(events, 'failed')).toEqual(['done', 'failed', 'queued', 'queued', 'queued']);
    expect(stepsOf(events, 'running')[1].detail).toBe('about capture');
  });

  it('is done with all at the end, and knows the version', () => {
    const events = [
      step(0, 'gate'),
      { ...step(1, ''), data: { event: 'promoted', name: 'wine/v2' } }
    ];

    expect(new Set(states(events, 'done'))).toEqual(new Set(['done']));
    expect(promotedName(events)).toBe('wine/v2');
  });
});

describe('lineageOf', () => {
  it('tells notebook, commit and what is served', () => {
    const lineage = lineageOf(
      {
        notebook: { path: 'n.ipynb', changed_since_run: true },
        git: { commit: '1cbe7b6a6637c2634cbb', dirty: true },
        serve: { name: 'classify', kind: 'function' },
        python: '3.11.7',
        parameters: { seed: 0 },
        values: { model: { type: 'sklearn.Tree', format: 'skops' } }
      },
      trans
    );

    expect(lineage.facts).toEqual({
      notebook: 'n.ipynb (changed since)',
      commit: '1cbe7b6a66, with changes',
      serves: 'classify (function)',
      Python: '3.11.7'
    });
    expect(lineage.values).toEqual({ model: 'sklearn.Tree' });
    expect(lineage.packages).toEqual({});
  });

  it('is empty for a version that failed before it had one', () => {
    expect(lineageOf({}, trans).facts).toEqual({});
  });
});
