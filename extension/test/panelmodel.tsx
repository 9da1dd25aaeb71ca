/** A model for component tests: real jobs and HTTP, answered by a table of routes. */
import { UseSignal } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { ServerConnection } from '@jupyterlab/services';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { render } from '@testing-library/react';
import * as React from 'react';
import { vi } from 'vitest';

import { Api } from '../src/api';
import { Jobs } from '../src/jobs';
import type { View } from '../src/panel';
import { CommandIDs } from '../src/tokens';
import type { INbprodModel } from '../src/tokens';
import type { Analysis, Job, Parameter, Run, Sweep, Trial } from '../src/types';

export const PATH = 'n.ipynb';
export const trans = nullTranslator.load('nbprod');

/** What the server is asked: method, path below `/nbprod/api` and its query, body. */
export interface IAsked {
  readonly method: string;
  readonly route: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

export type Answer = unknown | ((asked: IAsked) => unknown);

/** What is answered in place of a success. */
export class Refusal {
  constructor(
    readonly status: number,
    readonly what: string
  ) {}
}

export interface IBench {
  readonly model: INbprodModel;
  readonly commands: CommandRegistry;
  readonly asked: IAsked[];
  /** Executed commands: id and arguments. */
  readonly executed: [string, unknown][];
  /** Add or change answers: `GET runs/r1` names a route. */
  readonly answers: Record<string, Answer>;
  /** Say an event of a job, as the server would. */
  readonly say: (job: string, number: number, data: Record<string, unknown>) => void;
}

/** A panel's model over a server that answers from a table; views are told to be visible. */
export function bench(answers: Record<string, Answer>, analysis?: Partial<Analysis>): IBench {
  makeVisible();
  const asked: IAsked[] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://server/',
    fetch: async (input: RequestInfo | URL, init?: RequestInit) => {
      const request = new Request(input, init);
      const url = new URL(request.url);
      const text = await request.text();
      const one: IAsked = {
        method: request.method,
        route: decodeURIComponent(url.pathname.replace('/nbprod/api/', '')),
        query: url.searchParams,
        body: text ? JSON.parse(text) : undefined
      };
      asked.push(one);
      const found = answers[`${one.method} ${one.route}`];
      const answer = typeof found === 'function' ? found(one) : found;
      if (answer instanceof Refusal || answer === undefined) {
        const what = answer?.what ?? `no answer for ${one.method} ${one.route}`;
        return new Response(JSON.stringify({ message: what, what }), {
          status: answer?.status ?? 404
        });
      }
      return new Response(answer === null ? null : JSON.stringify(answer), {
        status: answer === null ? 204 : 200
      });
    }
  });
  const api = new Api(settings);
  const source = {};
  const stream = new Signal<object, unknown>(source);
  const services = { events: { stream }, connectionFailure: new Signal<object, Error>(source) };
  const jobs = new Jobs(api, services as unknown as ConstructorParameters<typeof Jobs>[1]);
  const executed: [string, unknown][] = [];
  const commands = new CommandRegistry();
  for (const id of Object.values(CommandIDs)) {
    commands.addCommand(id, { execute: args => void executed.push([id, args]) });
  }
  const parameters: Record<string, unknown> = {};
  const model = {
    api,
    jobs,
    changed: new Signal(source),
    panel: { context: { model: { dirty: false, readOnly: false } } },
    path: PATH,
    analysis: analysis ? { ...ANALYSIS, ...analysis } : null,
    problem: null,
    plan: null,
    parameters,
    setParameter: (name: string, value: unknown) => {
      parameters[name] = value;
    }
  } as unknown as INbprodModel;
  const say = (job: string, number: number, data: Record<string, unknown>): void =>
    stream.emit({
      schema_id: 'https://nbprod.dev/events/job',
      job,
      kind: 'sweep',
      path: PATH,
      number,
      data
    });
  return { model, commands, asked, executed, answers, say };
}

/** Draw a view as the panel does: anew whenever jobs have changed. */
export function draw(Content: View, one: IBench): IBench {
  const { model, commands } = one;
  render(
    <UseSignal signal={model.jobs.changed}>
      {() => <Content model={model} commands={commands} trans={trans} />}
    </UseSignal>
  );
  return one;
}

/** jsdom draws nothing: say that all of it is in view and that a list is 400 px high. */
function makeVisible(): void {
  vi.stubGlobal(
    'IntersectionObserver',
    class {
      constructor(private _tell: (entries: { isIntersecting: boolean }[]) => void) {}
      observe(): void {
        this._tell([{ isIntersecting: true }]);
      }
      disconnect(): void {}
    }
  );
  vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(400);
  vi.spyOn(Element.prototype, 'clientWidth', 'get').mockReturnValue(300);
  HTMLElement.prototype.scrollIntoView = () => undefined;
}

export const ANALYSIS: Analysis = {
  pipeline: 'n',
  root: '',
  listed: false,
  tagged: true,
  config_problem: null,
  cells: [],
  tasks: [],
  edges: [],
  parameters: [],
  metrics: [],
  serve: null,
  diagnostics: [],
  sweep: { search: null, trials: null, parallel: 1, metric: null, direction: 'maximize' },
  require: {}
};

export function parameter(name: string, type: string, value: unknown, space?: unknown): Parameter {
  return { name, type, default: value, optional: false, value, space: space ?? null };
}

export function run(id: string, more: Partial<Run> = {}): Run {
  return {
    id,
    pipeline: 'n',
    path: PATH,
    status: 'done',
    parameters: { depth: 3 },
    metrics: { accuracy: 0.9 },
    created: 1_700_000_000,
    seconds: 2.5,
    sweep: null,
    trial: null,
    job: null,
    error: null,
    ...more
  };
}

export function job(id: string, more: Partial<Job> = {}): Job {
  return {
    id,
    kind: 'sweep',
    path: PATH,
    pipeline: 'n',
    status: 'running',
    created: 1_700_000_000,
    finished: null,
    events: 0,
    run: null,
    sweep: null,
    error: null,
    result: null,
    ...more
  };
}

export function trial(number: number, more: Partial<Trial> = {}): Trial {
  return {
    number,
    status: 'done',
    parameters: { depth: number },
    run: `run${number}`,
    metrics: { loss: number },
    tasks: { done: 2 },
    error: null,
    seconds: 1,
    ...more
  };
}

export function sweep(more: Partial<Sweep> = {}): Sweep {
  return {
    id: 's1',
    pipeline: 'n',
    status: 'done',
    metric: 'loss',
    direction: 'minimize',
    search: 'tpe',
    size: 4,
    parallel: 1,
    space: { depth: [1, 2, 3, 4] },
    created: 1_700_000_000,
    finished: 1_700_000_010,
    best: null,
    trials: [],
    importance: {},
    ...more
  };
}
