import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../src/api';
import { NbprodModel } from '../src/model';
import type { Analysis, Job, Problem, RunPage } from '../src/types';

const PROBLEM: Problem = {
  message: 'm',
  what: 'w',
  fix: null,
  file: null,
  task: null,
  cell: null,
  line: null
};

/** A notebook panel, as far as the model looks at one. */
class Panel {
  constructor(path: string) {
    this.context.path = path;
  }

  sources = ['x = 1'];
  disposed = new Signal<object, void>(this);
  isDisposed = false;
  context = {
    path: '',
    isReady: true,
    ready: Promise.resolve(),
    model: { dirty: false, readOnly: false },
    contentsModel: { writable: true },
    pathChanged: new Signal<object, string>(this),
    saveState: new Signal<object, string>(this)
  };

  content = {
    modelContentChanged: new Signal<object, void>(this),
    model: {
      defaultKernelLanguage: 'python',
      getMetadata: () => ({ name: 'python3' }),
      cells: {
        [Symbol.iterator]: () =>
          this.sources
            .map((source, index) => ({
              id: `c${index + 1}`,
              type: 'code',
              sharedModel: { getSource: () => source },
              getMetadata: () => ['task:a']
            }))
            [Symbol.iterator]()
      }
    }
  };

  edit(source: string): void {
    this.sources = [source];
    this.context.model.dirty = true;
    this.content.modelContentChanged.emit();
  }

  save(): void {
    this.context.model.dirty = false;
    this.context.saveState.emit('completed');
  }
}

function analysisOf(code: string, more: Partial<Analysis> = {}): Analysis {
  return {
    tasks: [{ name: 'a', code, upstream: [] }],
    cells: [{ id: 'c1', number: 1, task: 'a', roles: [] }],
    config_problem: null,
    diagnostics: [],
    ...more
  } as unknown as Analysis;
}

class Jobs {
  event = new Signal<object, unknown>(this);
  ended = new Signal<object, unknown>(this);
  changed = new Signal<object, void>(this);
  list = vi.fn((): { job: Job; events: unknown[] }[] => []);
  running = vi.fn((): unknown => null);
  refresh = vi.fn(async () => undefined);
  add = vi.fn();
  load = vi.fn();
  move = vi.fn();
}

describe('NbprodModel', () => {
  let panel: Panel;
  let tracker: { currentWidget: Panel | null; currentChanged: Signal<object, unknown> };
  let jobs: Jobs;
  let model: NbprodModel;
  const api = {
    analyse: vi.fn(),
    plan: vi.fn(),
    runs: vi.fn(async (): Promise<RunPage> => ({ total: 0, runs: [] })),
    run: vi.fn(),
    suggest: vi.fn()
  };

  beforeEach(async () => {
    vi.useFakeTimers();
    vi.clearAllMocks();
    api.analyse.mockImplementation(async ({ cells }) => analysisOf(cells[0].source));
    api.plan.mockImplementation(async () => ({
      tasks: [{ name: 'a', action: 'cached', reason: 'known', cached_from: null }]
    }));
    panel = new Panel('RTC:n.ipynb');
    tracker = { currentWidget: panel, currentChanged: new Signal({}) };
    jobs = new Jobs();
    model = new NbprodModel(api as never, jobs as never, tracker as never);
    await settle();
  });

  afterEach(() => {
    model.dispose();
    vi.useRealTimers();
  });

  const settle = (time = 1500): Promise<unknown> => vi.advanceTimersByTimeAsync(time);
  const front = (next: Panel | null): void => {
    tracker.currentWidget = next;
    tracker.currentChanged.emit(next);
  };

  it('looks at a notebook when it comes to the front', () => {
    expect(model.path).toBe('n.ipynb');
    expect(model.analysis?.tasks[0].code).toBe('x = 1');
    expect(model.states.get('a')?.state).toBe('cached');
  });

  it('asks once for many keystrokes, and shows the newest answer', async () => {
    api.analyse.mockClear();
    let answer: (analysis: Analysis) => void = () => undefined;
    api.analyse.mockImplementationOnce(() => new Promise(resolve => (answer = resolve)));
    panel.edit('x = 2');
    panel.edit('x = 3');
    await settle(200);
    expect(api.analyse).toHaveBeenCalledTimes(1);
    panel.edit('x = 4');
    await settle(200);
    answer(analysisOf('late'));
    await settle(200);
    expect(model.analysis?.tasks[0].code).toBe('x = 4');
  });

  it('asks for the plan of what is saved, and tells what was edited since', async () => {
    expect(api.plan).toHaveBeenCalledTimes(1);
    panel.edit('x = 2');
    await settle();
    expect(api.plan).toHaveBeenCalledTimes(1);
    expect(model.states.get('a')).toMatchObject({
      state: 'outdated',
      reason: 'its code was edited'
    });
    panel.save();
    await settle();
    expect(api.plan).toHaveBeenCalledTimes(2);
  });

  it('does not ask for the plan of what has errors', async () => {
    const diagnostics = [{ severity: 'error' }] as Analysis['diagnostics'];
    api.analyse.mockResolvedValue(analysisOf('x', { diagnostics }));
    api.plan.mockClear();
    panel.save();
    panel.content.modelContentChanged.emit();
    await settle();
    expect(api.plan).not.toHaveBeenCalled();
    expect(model.plan).toBeNull();
  });

  it('plans a notebook that is dirty but for its metadata', async () => {
    panel.context.model.dirty = true;
    panel.content.modelContentChanged.emit();
    await settle();
    expect(api.plan).toHaveBeenCalledTimes(2);
  });

  it('keeps what it knows while the server is away, and looks again by itself', async () => {
    api.analyse.mockRejectedValueOnce(new ApiError(0, PROBLEM));
    panel.edit('x = 2');
    await settle(200);
    expect(model.problem?.what).toBe('w');
    expect(model.analysis).not.toBeNull();
    await settle(4000);
    expect(model.problem).toBeNull();
    expect(model.analysis?.tasks[0].code).toBe('x = 2');
  });

  it('says how to install nbprod where the server has none', async () => {
    api.analyse.mockRejectedValue(new ApiError(404, { ...PROBLEM, what: '' }));
    panel.edit('x = 2');
    await settle(200);
    expect(model.analysis).toBeNull();
    expect(model.problem?.fix).toContain('pip install nbprod');
  });

  it('looks again until pipelines.yaml is mended, then no more', async () => {
    api.analyse.mockResolvedValueOnce(analysisOf('x', { config_problem: PROBLEM }));
    panel.edit('x = 2');
    await settle(200);
    expect(model.analysis?.config_problem).not.toBeNull();
    await settle(4000);
    expect(model.analysis?.config_problem).toBeNull();
    api.analyse.mockClear();
    await settle(60000);
    expect(api.analyse).not.toHaveBeenCalled();
  });

  it('asks for the record of a run when that has ended', async () => {
    api.runs.mockResolvedValueOnce({
      total: 2,
      runs: [{ id: 'trial', sweep: 's' } as never, { id: 'r', sweep: null } as never]
    });
    api.run.mockResolvedValueOnce({ run: { id: 'r' }, tasks: [] });
    jobs.ended.emit({ path: 'n.ipynb', kind: 'run' });
    await settle();
    expect(api.run).toHaveBeenCalledWith('n.ipynb', 'r');
    expect(model.lastRun?.run.id).toBe('r');
  });

  it('does not call what a run has just made out of date by the plan from before it', async () => {
    api.plan.mockImplementation(async () => ({
      tasks: [{ name: 'a', action: 'run', reason: 'never ran', cached_from: null }]
    }));
    panel.save();
    await vi.advanceTimersByTimeAsync(1000);
    expect(model.states.get('a')?.state).toBe('new');

    api.plan.mockImplementation(() => new Promise(() => undefined)); // the next one takes its time
    jobs.ended.emit({ path: model.path, kind: 'run' });

    expect(model.states.get('a')?.state).not.toBe('new');
  });

  it('forgets one notebook when another one comes, and when the last one goes', async () => {
    const other = new Panel('m.ipynb');
    front(other);
    expect(model.analysis).toBeNull();
    await settle();
    expect(model.path).toBe('m.ipynb');
    tracker.currentWidget = null;
    other.disposed.emit();
    expect([model.panel, model.path, model.analysis]).toEqual([null, null, null]);
  });

  it('stays with a notebook while what a run has left of it is in front', async () => {
    front(new Panel('nbprod:n.ipynb/r/-/n.ipynb'));
    await settle();
    expect(model.path).toBe('n.ipynb');
    tracker.currentWidget = null;
    panel.disposed.emit();
    expect(model.panel).toBeNull();
  });

  it('goes along when its notebook is renamed, with what was typed for its parameters', async () => {
    model.setParameter('n', 4);
    panel.context.path = 'm.ipynb';
    panel.context.pathChanged.emit('m.ipynb');
    await settle();
    expect(jobs.move).toHaveBeenCalledWith('n.ipynb', 'm.ipynb');
    expect(model.parameters).toEqual({ n: 4 });
    expect(api.analyse).toHaveBeenLastCalledWith(expect.objectContaining({ path: 'm.ipynb' }));
  });

  it('keeps parameters for each notebook', async () => {
    model.setParameter('n', 4);
    model.setParameter('m', 5);
    model.clearParameter('m');
    front(new Panel('m.ipynb'));
    expect(model.parameters).toEqual({});
    front(panel);
    expect(model.parameters).toEqual({ n: 4 });
    await settle();
    expect(api.plan).toHaveBeenLastCalledWith({ path: 'n.ipynb', parameters: { n: 4 } });
  });

  it('knows the cells of a run by the numbers that they had when it was started', () => {
    jobs.list.mockReturnValue([{ job: { id: 'j' } as Job, events: [] }]);
    panel.sources = ['1', '2'];
    model.follow({ id: 'j', path: 'n.ipynb' } as Job);
    panel.sources = ['2'];
    expect([model.cellId(1), model.cellId(2)]).toEqual(['c1', 'c2']);
  });

  it('leaves no suggestion behind for another notebook', async () => {
    api.suggest.mockResolvedValueOnce({ tasks: [], tags: {}, reasons: {} });
    await model.suggest();
    expect(model.suggestion).not.toBeNull();
    front(new Panel('m.ipynb'));
    expect(model.suggestion).toBeNull();
  });
});
