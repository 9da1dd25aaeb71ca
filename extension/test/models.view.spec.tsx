import { Clipboard, Dialog } from '@jupyterlab/apputils';
import { cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { show } from '../src/components/handover';
import { ModelsView } from '../src/models/view';
import { CommandIDs } from '../src/tokens';
import type { ModelVersion, PromotePreview, Service } from '../src/types';
import { bench, draw, job, PATH, Refusal, run } from './panelmodel';
import type { Answer, IBench } from './panelmodel';

afterEach(() => {
  cleanup();
  Dialog.flush();
  vi.restoreAllMocks();
});

function open(answers: Record<string, Answer>): IBench {
  return draw(
    ModelsView,
    bench({
      'GET runs': { total: 1, runs: [run('a')] },
      'GET promote': PREVIEW,
      ...answers
    })
  );
}

const PREVIEW: PromotePreview = {
  run: run('a'),
  model: 'wine',
  checks: [{ metric: 'accuracy', value: 0.9, wanted: '>= 0.8', passed: true }],
  met: true,
  serve: { name: 'classify', kind: 'function', inputs: { model: 'train' } },
  champion: null,
  problem: null
};

function version(number: number, more: Partial<ModelVersion> = {}): ModelVersion {
  return {
    model: 'wine',
    version: number,
    name: `wine/v${number}`,
    pipeline: 'n',
    run: `run${number}`,
    status: 'ready',
    aliases: [],
    metrics: { accuracy: 0.9 },
    created: 1_700_000_000,
    error: null,
    lineage: { git: { commit: 'abcdef0123456', dirty: false }, packages: { numpy: '2.4' } },
    signature: {
      predict: {
        input: {
          type: 'object',
          required: ['age', 'name'],
          properties: { age: { type: 'number' }, name: { type: 'string' } }
        },
        output: {}
      }
    },
    sample: { predict: { age: 40, name: 'x' } },
    ...more
  };
}

const SERVICE: Service = {
  name: 'wine',
  version: 2,
  status: 'running',
  url: 'http://127.0.0.1:3000',
  started: 1_700_000_000
};
const CHAMPION = version(2, { aliases: ['champion'] });

describe('the Models tab', () => {
  it('sends one to Run while no run is done', async () => {
    const { executed } = open({
      'GET models': { versions: [], services: [] },
      'GET runs': { total: 0, runs: [] }
    });

    fireEvent.click(await screen.findByRole('button', { name: 'Go to Run' }));

    expect(executed).toEqual([[CommandIDs.open, { tab: 'run' }]]);
  });

  it('lists versions with their lineage and marks the champion', async () => {
    open({ 'GET models': { versions: [CHAMPION, version(1)], services: [] } });

    const versions = await screen.findByRole('region', { name: 'Versions' });
    const [second, first] = within(versions).getAllByRole('listitem');

    expect(second.textContent).toContain('champion');
    expect(first.textContent).not.toContain('champion');
    expect(within(first).getByText('abcdef0123')).toBeTruthy();
    expect(within(first).getByText('numpy')).toBeTruthy();
  });

  it('says why a version failed', async () => {
    open({
      'GET models': {
        versions: [version(1, { status: 'failed', error: 'parity: 0.1 is not 0.2' })],
        services: []
      }
    });

    expect(await screen.findByText('parity: 0.1 is not 0.2')).toBeTruthy();
    expect(screen.queryByRole('button', { name: /Serve this version/ })).toBeNull();
  });
});

describe('promotion', () => {
  const nothing = { 'GET models': { versions: [], services: [] } };

  it('shows the gate and what becomes the service before', async () => {
    open(nothing);

    expect(await screen.findByText(/meets >= 0.8/)).toBeTruthy();
    expect(screen.getByText('the function classify')).toBeTruthy();
    expect(screen.getByText('It takes along: model (of train).')).toBeTruthy();
  });

  it('tries what is served when someone asks, and shows its signature, sample and answer', async () => {
    const running = job('q1', { kind: 'preview', run: 'a' });
    const data = [
      { event: 'step', step: 'capture', detail: 'classify' },
      {
        event: 'previewed',
        signature: version(1).signature,
        sample: { predict: { arguments: { age: 41, name: 'y' }, answer: 'barolo' } },
        values: [{ name: 'model', type: 'sklearn.svm.SVC', format: 'skops', bytes: 2048 }],
        packages: ['numpy==2.4']
      }
    ];
    const { asked } = open({
      ...nothing,
      'POST promote/preview': running,
      'GET jobs/q1': {
        job: { ...running, status: 'done', events: 2 },
        events: data.map((one, number) => ({
          job: 'q1',
          kind: 'preview',
          path: PATH,
          number,
          data: one
        }))
      }
    });
    const button = await screen.findByRole('button', { name: 'Show Signature and Sample' });
    expect(asked.some(one => one.route === 'promote/preview')).toBe(false);

    fireEvent.click(button);

    const answer = await screen.findByLabelText('Answer to the sample');
    expect(answer.textContent).toBe('"barolo"');
    expect(screen.getByLabelText('Sample').textContent).toContain('41');
    expect(
      within(screen.getByRole('table', { name: 'What predict takes' })).getByText('number')
    ).toBeTruthy();
    expect(screen.getByRole('table', { name: 'Stored values' }).textContent).toContain('2.0 KiB');
    expect(asked.find(one => one.method === 'POST')?.body).toEqual({
      path: PATH,
      run: 'a',
      allow_pickle: false
    });
  });

  it('tries it without a click for a run that another tab asks to promote', async () => {
    const { model, commands, asked } = open({
      ...nothing,
      'POST promote/preview': job('q1', { kind: 'preview', run: 'a', status: 'failed' }),
      'GET jobs/q1': { job: job('q1', { kind: 'preview', run: 'a' }), events: [] }
    });
    await screen.findByRole('button', { name: 'Show Signature and Sample' });

    show(model, commands, { tab: 'models', run: 'a' });

    await waitFor(() => expect(asked.some(one => one.route === 'promote/preview')).toBe(true));
  });

  it('is not offered where the gate is not met', async () => {
    open({
      ...nothing,
      'GET promote': {
        ...PREVIEW,
        met: false,
        checks: [{ metric: 'accuracy', value: 0.7, wanted: '>= 0.8', passed: false }]
      }
    });

    expect(await screen.findByText(/does not meet >= 0.8/)).toBeTruthy();
    const button = screen.getByRole('button', { name: 'Promote' }) as HTMLButtonElement;
    expect(button.disabled).toBe(true);
  });

  it('promotes the run that is shown, and follows each step', async () => {
    const running = job('p1', { kind: 'promote', run: 'a' });
    const steps = ['gate', 'capture'].map((step, number) => ({
      job: 'p1',
      kind: 'promote',
      path: PATH,
      number,
      data: { event: 'step', step, detail: `about ${step}` }
    }));
    const { asked } = open({
      ...nothing,
      'POST promote': running,
      'GET jobs/p1': { job: { ...running, events: 2 }, events: steps }
    });

    fireEvent.click(await screen.findByRole('button', { name: 'Promote' }));

    await waitFor(() =>
      expect(asked.some(one => one.route === 'promote' && one.method === 'POST')).toBe(true)
    );
    expect(asked.find(one => one.method === 'POST')?.body).toEqual({
      path: PATH,
      run: 'a',
      allow_pickle: false
    });
    expect(await screen.findByText('about capture')).toBeTruthy();
  });

  it('shows what is to be done about a failure', async () => {
    const failed = job('p1', {
      kind: 'promote',
      status: 'failed',
      error: {
        message: 'm',
        what: 'the service answers something else',
        fix: 'Look into .nbprod/failed/wine-v1.',
        file: null,
        task: null,
        cell: null,
        line: null
      }
    });
    const { model } = open({ ...nothing, 'GET jobs/p1': { job: failed, events: [] } });
    model.jobs.add(failed);

    await waitFor(() => expect(screen.getByText('Look into .nbprod/failed/wine-v1.')).toBeTruthy());
  });

  it('opens at the run that another tab asks for', async () => {
    const { model, commands, asked } = open({
      'GET models': { versions: [CHAMPION], services: [] }
    });
    await screen.findByRole('region', { name: 'Versions' });

    show(model, commands, { tab: 'models', run: 'zz' });

    await waitFor(() =>
      expect(asked.some(one => one.route === 'promote' && one.query.get('run') === 'zz')).toBe(true)
    );
    expect((screen.getByLabelText('run') as HTMLSelectElement).value).toBe('zz');
  });
});

describe('the service', () => {
  const served = { 'GET models': { versions: [CHAMPION, version(1)], services: [SERVICE] } };

  it('is started with the champion', async () => {
    const { asked } = open({
      'GET models': { versions: [CHAMPION], services: [] },
      'POST services': new Refusal(409, 'port 3000 is in use')
    });

    fireEvent.click(await screen.findByRole('button', { name: 'Start wine/v2' }));

    expect((await screen.findByRole('alert')).textContent).toContain('port 3000 is in use');
    expect(asked.find(one => one.method === 'POST')?.body).toEqual({ path: PATH });
  });

  it('is asked with the sample, typed over, and answers as a table', async () => {
    const { asked } = open({
      ...served,
      'POST services/wine/predict': { url: '', answer: [{ cultivar: '<b>1</b>' }], seconds: 0.0123 }
    });

    fireEvent.change(await screen.findByLabelText('age'), { target: { value: '41' } });
    fireEvent.click(screen.getByRole('button', { name: 'Ask it' }));

    const table = await screen.findByRole('table', { name: 'Answer' });
    expect(within(table).getByRole('cell').textContent).toBe('<b>1</b>');
    expect(screen.getByText('in 12 ms')).toBeTruthy();
    expect(asked.find(one => one.route.endsWith('predict'))?.body).toEqual({
      path: PATH,
      data: { age: 41, name: 'x' },
      route: 'predict'
    });
  });

  it('has a labelled field for each kind of value, and sends null for what is empty and may be', async () => {
    const input = {
      type: 'object',
      required: ['rows'],
      $defs: {
        Row: {
          type: 'object',
          title: 'Row',
          required: ['kind', 'weight', 'is_new', 'tags'],
          properties: {
            kind: { enum: ['a', 'b'], title: 'Kind' },
            weight: { anyOf: [{ type: 'number' }, { type: 'null' }], title: 'Weight' },
            is_new: { type: 'boolean', title: 'Is New' },
            tags: { type: 'array', items: { type: 'string' }, title: 'Tags' }
          }
        }
      },
      properties: { rows: { type: 'array', items: { $ref: '#/$defs/Row' }, title: 'Rows' } }
    };
    const sample = { rows: [{ kind: 'a', weight: 1.5, is_new: false, tags: ['x'] }] };
    const { asked } = open({
      'GET models': {
        versions: [
          version(2, {
            aliases: ['champion'],
            signature: { predict: { input, output: {} } },
            sample: { predict: sample }
          })
        ],
        services: [SERVICE]
      },
      'POST services/wine/predict': { url: '', answer: 3, seconds: 0.5 }
    });

    fireEvent.change(await screen.findByLabelText('kind'), { target: { value: '1' } });
    fireEvent.change(screen.getByLabelText('weight'), { target: { value: '' } });
    fireEvent.click(screen.getByLabelText('is_new'));
    fireEvent.click(screen.getByRole('button', { name: 'Add to rows' }));
    fireEvent.click(screen.getByRole('button', { name: 'Remove rows 1' }));
    fireEvent.click(screen.getByRole('button', { name: 'Ask it' }));

    expect(await screen.findByText('3')).toBeTruthy();
    expect(asked.find(one => one.route.endsWith('predict'))?.body).toMatchObject({
      data: { rows: [{ kind: 'b', weight: null, is_new: true, tags: ['x'] }] }
    });
  });

  it('takes JSON too, and says where it is none', async () => {
    const { asked } = open(served);

    fireEvent.click(await screen.findByRole('button', { name: 'JSON' }));
    const text = screen.getByLabelText('Input as JSON') as HTMLTextAreaElement;
    expect(JSON.parse(text.value)).toEqual({ age: 40, name: 'x' });
    fireEvent.change(text, { target: { value: '{"age": ' } });
    fireEvent.click(screen.getByRole('button', { name: 'Ask it' }));

    expect((await screen.findByRole('alert')).textContent).toContain('This is no JSON');
    expect(asked.some(one => one.route.endsWith('predict'))).toBe(false);
  });

  it('has its call copied for a shell', async () => {
    const copy = vi.spyOn(Clipboard, 'copyToSystem').mockImplementation(() => undefined);
    open(served);

    fireEvent.click(await screen.findByRole('button', { name: 'copy as curl' }));

    expect(copy.mock.calls[0][0]).toContain("curl -s 'http://127.0.0.1:3000/predict'");
    expect(await screen.findByText('The call is in the clipboard, as curl.')).toBeTruthy();
  });

  it('has a link to its page, but never one that runs a script', async () => {
    open(served);
    const link = await screen.findByRole('link', { name: 'Open the API page' });
    expect(link.getAttribute('href')).toBe('http://127.0.0.1:3000');
    expect(link.getAttribute('rel')).toBe('noopener noreferrer');
    cleanup();

    open({
      'GET models': {
        versions: [CHAMPION],
        services: [{ ...SERVICE, url: 'javascript:alert(1)' }]
      }
    });
    await screen.findByText('javascript:alert(1)');
    expect(screen.queryByRole('link')).toBeNull();
  });

  it('shows its log when it is opened', async () => {
    const { asked } = open({
      ...served,
      'GET services/wine/log': { text: 'Uvicorn <i>running</i>' }
    });

    await screen.findByRole('link');
    expect(asked.some(one => one.route.endsWith('log'))).toBe(false);
    const log = screen
      .getByRole('heading', { name: 'Log' })
      .closest('details') as HTMLDetailsElement;
    log.open = true;
    fireEvent(log, new Event('toggle'));

    expect(await screen.findByText('Uvicorn <i>running</i>')).toBeTruthy();
  });

  it('rolls back after a question: the version is crowned, then served', async () => {
    const { asked } = open({
      ...served,
      'POST models/wine/1/champion': version(1),
      'POST services': job('x', { kind: 'serve' }),
      'GET jobs/x': { job: job('x', { kind: 'serve' }), events: [] }
    });
    const posts = (): string[] => asked.filter(one => one.method === 'POST').map(one => one.route);

    fireEvent.click(await screen.findByRole('button', { name: 'Roll back to it…', hidden: true }));
    const dialog = await screen.findByRole('dialog', { hidden: true });
    expect(posts()).toEqual([]);
    fireEvent.click(within(dialog).getByRole('button', { name: 'Roll back', hidden: true }));

    await waitFor(() => expect(posts()).toEqual(['models/wine/1/champion', 'services']));
    expect(asked.find(one => one.route === 'services')?.body).toEqual({ path: PATH, version: 1 });
  });

  it('makes a newer version the champion, which is no rolling back', async () => {
    open({ 'GET models': { versions: [version(3), CHAMPION], services: [] } });

    fireEvent.click(
      await screen.findByRole('button', { name: 'Make it the champion…', hidden: true })
    );

    expect(await screen.findByText('Make wine/v3 the champion?')).toBeTruthy();
    expect(screen.queryByRole('button', { name: /Roll back/, hidden: true })).toBeNull();
  });

  it('goes on answering while it changes to another version', async () => {
    const { asked, model } = open(served);
    await screen.findByRole('link', { name: 'Open the API page' });

    model.jobs.add(job('x', { kind: 'serve' }));

    expect(await screen.findByText('v2, changing…')).toBeTruthy();
    expect(screen.getByRole('link', { name: 'Open the API page' })).toBeTruthy();
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Stop' }).disabled).toBe(true);
    expect(asked.every(one => one.method === 'GET')).toBe(true);
  });
});
