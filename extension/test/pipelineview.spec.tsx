import { nullTranslator } from '@jupyterlab/translation';
import { cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { Graph } from '../src/pipeline/graph';
import { Parameters } from '../src/pipeline/parameters';
import { Problems } from '../src/pipeline/problems';
import { SuggestionView } from '../src/pipeline/suggestion';
import { PipelineView } from '../src/pipeline/view';
import type { ITaskState } from '../src/states';
import type { INbprodModel } from '../src/tokens';
import { CommandIDs } from '../src/tokens';
import type { Analysis, Diagnostic, Parameter } from '../src/types';

const trans = nullTranslator.load('nbprod');

afterEach(cleanup);

function task(name: string, inputs: Record<string, string> = {}): Analysis['tasks'][number] {
  return {
    name,
    cells: [`${name}-1`],
    numbers: [1],
    upstream: Object.values(inputs),
    inputs,
    outputs: ['x'],
    parameters: [],
    metrics: [],
    code: ''
  };
}

function analysis(more: Partial<Analysis> = {}): Analysis {
  return {
    pipeline: 'p',
    root: '',
    listed: false,
    tagged: true,
    config_problem: null,
    cells: [],
    tasks: [task('load'), task('train', { df: 'load' })],
    edges: [{ source: 'load', target: 'train', variables: ['df'] }],
    parameters: [],
    metrics: [],
    serve: null,
    diagnostics: [],
    sweep: { search: null, trials: null, parallel: 1, metric: null, direction: 'maximize' },
    require: {},
    ...more
  };
}

function state(name: string, more: Partial<ITaskState> = {}): ITaskState {
  const none = { seconds: null, reason: '', error: null, run: null, cell: null, done: 0, total: 0 };
  return { ...none, state: name, ...more };
}

describe('Graph', () => {
  const states = new Map([
    ['load', state('done', { seconds: 2.1 })],
    ['train', state('outdated', { reason: 'code changed' })]
  ]);

  it('names each task with its state, why, and what it takes', () => {
    render(<Graph analysis={analysis()} states={states} trans={trans} onOpen={vi.fn()} />);
    const box = screen.getByRole('button', { name: /Task train/ });
    expect(box.getAttribute('aria-label')).toContain('out of date');
    expect(box.getAttribute('aria-label')).toContain('Why: code changed');
    expect(box.getAttribute('aria-label')).toContain('Takes df from load');
    expect(screen.getByRole('button', { name: /Task load/ }).textContent).toContain('2.1 s');
  });

  it('leads to the first cell of a task', () => {
    const onOpen = vi.fn();
    render(<Graph analysis={analysis()} states={states} trans={trans} onOpen={onOpen} />);
    fireEvent.click(screen.getByRole('button', { name: /Task train/ }));
    expect(onOpen).toHaveBeenCalledWith('train-1');
  });

  it('is walked with the arrow keys', () => {
    render(<Graph analysis={analysis()} states={states} trans={trans} onOpen={vi.fn()} />);
    const load = screen.getByRole('button', { name: /Task load/ });
    load.focus();
    fireEvent.keyDown(load, { key: 'ArrowDown' });
    expect(document.activeElement).toBe(screen.getByRole('button', { name: /Task train/ }));
    fireEvent.keyDown(document.activeElement!, { key: 'ArrowUp' });
    expect(document.activeElement).toBe(load);
  });

  it('shows names that hold HTML as text', () => {
    const failed = { what: '<img src=x onerror=alert(1)>' } as never;
    const states = new Map([['load', state('failed', { error: failed })]]);
    const { container } = render(
      <Graph analysis={analysis()} states={states} trans={trans} onOpen={vi.fn()} />
    );
    expect(container.querySelector('img')).toBeNull();
    expect(container.textContent).toContain('<img src=x');
  });
});

describe('Problems', () => {
  const diagnostics: Diagnostic[] = [
    {
      code: 'b',
      severity: 'warning',
      message: 'mind this',
      cell: null,
      number: null,
      line: null,
      task: null,
      hint: null,
      fix: null
    },
    {
      code: 'a',
      severity: 'error',
      message: 'no such name',
      cell: 'c1',
      number: 3,
      line: 2,
      task: 'train',
      hint: 'Define it.',
      fix: { title: 'Rename it', cell: 'c1', tags: ['task:a'] }
    }
  ];

  it('come worst first, say where, and lead there', () => {
    const onOpen = vi.fn();
    render(
      <Problems
        diagnostics={diagnostics}
        isWritable
        trans={trans}
        onOpen={onOpen}
        onFix={vi.fn()}
      />
    );
    const [first, second] = screen.getAllByRole('listitem');
    expect(first.textContent).toContain('error');
    expect(first.textContent).toContain('cell 3, line 2');
    expect(second.textContent).toContain('mind this');
    fireEvent.click(within(first).getByText('no such name'));
    expect(onOpen).toHaveBeenCalledWith('c1', 2);
  });

  it('have their fix at hand, unless the notebook is read-only', () => {
    const onFix = vi.fn();
    const props = { diagnostics, trans, onOpen: vi.fn(), onFix };
    const { rerender } = render(<Problems {...props} isWritable />);
    fireEvent.click(screen.getByRole('button', { name: 'Rename it' }));
    expect(onFix).toHaveBeenCalledWith(diagnostics[1].fix);
    rerender(<Problems {...props} isWritable={false} />);
    expect(screen.queryByRole('button', { name: 'Rename it' })).toBeNull();
  });
});

describe('Parameters', () => {
  const parameters: Parameter[] = [
    { name: 'n', type: 'int', default: 3, optional: false, value: 3, space: null },
    { name: 'flag', type: 'bool', default: true, optional: false, value: true, space: null },
    { name: 'xs', type: 'list', default: [1], optional: false, value: [1], space: null }
  ];

  function shown(values: Record<string, unknown> = {}): {
    onSet: typeof vi.fn;
    onReset: typeof vi.fn;
  } {
    const calls = { onSet: vi.fn(), onReset: vi.fn() };
    render(<Parameters parameters={parameters} values={values} trans={trans} {...calls} />);
    return calls as never;
  }

  it('are read as what they are', () => {
    const { onSet } = shown();
    const type = (name: RegExp, value: string): void => {
      const field = screen.getByRole('textbox', { name });
      fireEvent.change(field, { target: { value } });
      fireEvent.blur(field);
    };
    type(/^n /, '7');
    type(/^xs /, '[1, 2]');
    fireEvent.click(screen.getByRole('checkbox', { name: /^flag/ }));
    expect(vi.mocked(onSet).mock.calls).toEqual([
      ['n', 7],
      ['xs', [1, 2]],
      ['flag', false]
    ]);
  });

  it('say what is wrong with what was typed, and do not take it', () => {
    const { onSet } = shown();
    const field = screen.getByRole('textbox', { name: /^n / });
    fireEvent.change(field, { target: { value: '2.5' } });
    fireEvent.blur(field);
    expect(field.getAttribute('aria-invalid')).toBe('true');
    expect(screen.getByText('This parameter is a whole number')).toBeTruthy();
    expect(onSet).not.toHaveBeenCalled();
  });

  it('show that they differ from the default, and go back to it', () => {
    const { onReset } = shown({ n: 9 });
    expect(screen.getByText('differs from the default 3')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Reset n to 3' }));
    expect(onReset).toHaveBeenCalledWith('n');
  });

  it('are reset by typing the default', () => {
    const { onReset, onSet } = shown({ n: 9 });
    const field = screen.getByRole('textbox', { name: /^n / });
    fireEvent.change(field, { target: { value: '3' } });
    fireEvent.keyDown(field, { key: 'Enter' });
    expect(onReset).toHaveBeenCalledWith('n');
    expect(onSet).not.toHaveBeenCalled();
  });
});

describe('SuggestionView', () => {
  const suggestion = {
    tasks: [
      { name: 'load', cells: ['c1'], why: 'heading' },
      { name: 'train', cells: ['c2'], why: 'takes df' }
    ],
    tags: { c1: ['task:load'], c2: ['task:train'] },
    reasons: { c1: 'reads a file' }
  };
  const cells = ['c1', 'c2'].map(id => ({ id, isCode: true, tags: [] }));

  function shown(): { onAccept: ReturnType<typeof vi.fn> } {
    const onAccept = vi.fn();
    render(
      <SuggestionView
        isWritable
        suggestion={suggestion}
        cells={cells}
        trans={trans}
        onOpen={vi.fn()}
        onAccept={onAccept}
        onDismiss={vi.fn()}
      />
    );
    return { onAccept };
  }

  it('sets what was proposed, as the user has edited it', () => {
    const { onAccept } = shown();
    const [load] = screen.getAllByRole('textbox', { name: 'Name of the task' });
    fireEvent.change(load, { target: { value: 'read data' } });
    fireEvent.blur(load);
    expect((load as HTMLInputElement).value).toBe('read-data');
    fireEvent.click(screen.getByRole('button', { name: 'Drop train' }));
    fireEvent.click(screen.getByRole('button', { name: 'Tag 1 cell' }));
    expect(onAccept).toHaveBeenCalledWith({ c1: ['task:read-data'] });
  });

  it('cannot be accepted with a name that no task can have', () => {
    shown();
    const [load] = screen.getAllByRole('textbox', { name: 'Name of the task' });
    fireEvent.change(load, { target: { value: '1 x' } });
    expect(screen.getByRole('button', { name: 'Tag 2 cells' })).toHaveProperty('disabled', true);
  });
});

describe('PipelineView', () => {
  function shown(more: Partial<INbprodModel>): CommandRegistry {
    const commands = new CommandRegistry();
    for (const id of [CommandIDs.run, CommandIDs.suggest, CommandIDs.refresh]) {
      commands.addCommand(id, { label: id, execute: () => undefined });
    }
    const model = {
      analysis: null,
      problem: null,
      panel: null,
      suggestion: null,
      states: new Map(),
      parameters: {},
      ...more
    } as unknown as INbprodModel;
    render(<PipelineView model={model} commands={commands} trans={trans} />);
    return commands;
  }

  it('says what is wrong where there is no analysis, and can try again', () => {
    shown({
      problem: { what: 'The server runs without nbprod.', fix: 'pip install nbprod' } as never
    });
    expect(screen.getByRole('alert').textContent).toContain('pip install nbprod');
    expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy();
  });

  it('says which line of pipelines.yaml is wrong, and shows the rest', () => {
    const config_problem = { what: 'no', file: 'pipelines.yaml', line: 7 } as never;
    shown({ analysis: analysis({ config_problem }) });
    expect(screen.getByRole('alert').textContent).toContain('pipelines.yaml, line 7');
    expect(screen.getByRole('button', { name: 'Open pipelines.yaml' })).toBeTruthy();
    expect(screen.getByRole('button', { name: /Task load/ })).toBeTruthy();
  });

  it('teaches the first step in a notebook without tasks', () => {
    const source = { getSource: () => 'x = 1' };
    const cell = { id: 'c1', type: 'code', sharedModel: source, getMetadata: () => [] };
    const panel = {
      content: { model: { cells: [cell] } },
      context: { isReady: true, model: { readOnly: false } }
    };
    shown({
      analysis: analysis({ tagged: false, tasks: [task('notebook')], edges: [] }),
      panel: panel as never
    });
    expect(screen.getByText('Cut this notebook into tasks')).toBeTruthy();
    expect(screen.getAllByRole('button', { name: CommandIDs.suggest })).toHaveLength(2);
  });
});
