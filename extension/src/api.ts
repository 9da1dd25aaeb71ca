import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type {
  Analysis,
  Comparison,
  Document,
  ExploreOptions,
  Job,
  JobEvent,
  JobEvents,
  Models,
  ModelVersion,
  Plan,
  PredictRequest,
  Prediction,
  Problem,
  PromoteOptions,
  PromotePreview,
  RunDetail,
  RunOptions,
  RunPage,
  ServeOptions,
  Service,
  Suggestion,
  Sweep,
  SweepInfo,
  SweepOptions,
  Text
} from './types';

/** An answer that is no success, with what the server says of it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem
  ) {
    super(problem.message);
    this.name = 'ApiError';
  }

  /** The server runs without nbprod. */
  get isMissing(): boolean {
    return this.status === 404 && this.problem.what === '';
  }
}

/** What asks for runs: all are optional. */
export interface IRunQuery {
  status?: string;
  sweep?: string;
  /** Comparisons that all hold: `accuracy > 0.9, kind = tree`. */
  where?: string;
  limit?: number;
  offset?: number;
  sort?: string;
  order?: 'asc' | 'desc';
}

type Query = Record<string, string | number | undefined>;
type Method = 'GET' | 'POST' | 'DELETE';

/** All that is asked of the server. Every method throws `ApiError`. */
export class Api {
  constructor(readonly settings: ServerConnection.ISettings) {}

  analyse(document: Document): Promise<Analysis> {
    return this._ask('POST', ['analyse'], {}, document);
  }

  suggest(document: Document): Promise<Suggestion> {
    return this._ask('POST', ['suggest'], {}, document);
  }

  plan(options: RunOptions): Promise<Plan> {
    return this._ask('POST', ['plan'], {}, options);
  }

  jobs(path?: string): Promise<Job[]> {
    return this._ask('GET', ['jobs'], { path });
  }

  async jobEvents(id: string, after: number): Promise<{ job: Job; events: JobEvent[] }> {
    const answer = await this._ask<JobEvents>('GET', ['jobs', id], { after });
    return answer as { job: Job; events: JobEvent[] };
  }

  stopJob(id: string): Promise<Job> {
    return this._ask('DELETE', ['jobs', id]);
  }

  startRun(options: RunOptions): Promise<Job> {
    return this._ask('POST', ['runs'], {}, options);
  }

  runs(path: string, query: IRunQuery = {}): Promise<RunPage> {
    return this._ask('GET', ['runs'], { path, ...query });
  }

  run(path: string, id: string): Promise<RunDetail> {
    return this._ask('GET', ['runs', id], { path });
  }

  deleteRun(path: string, id: string): Promise<void> {
    return this._ask('DELETE', ['runs', id], { path });
  }

  compareRuns(path: string, ids: readonly string[]): Promise<Comparison> {
    return this._ask('GET', ['runs', 'compare'], { path, ids: ids.join(',') });
  }

  executedNotebook(path: string, run: string, task?: string): Promise<unknown> {
    return this._ask('GET', ['runs', run, 'notebook'], { path, task });
  }

  makeReport(path: string, run: string): Promise<Job> {
    return this._ask('POST', ['runs', run, 'report'], { path });
  }

  /** The address of a run's report, for a frame of the page. */
  reportUrl(path: string, run: string): string {
    return this._url(['runs', run, 'report'], { path });
  }

  startSweep(options: SweepOptions): Promise<Job> {
    return this._ask('POST', ['sweeps'], {}, options);
  }

  sweeps(path: string): Promise<SweepInfo[]> {
    return this._ask('GET', ['sweeps'], { path });
  }

  sweep(path: string, id: string): Promise<Sweep> {
    return this._ask('GET', ['sweeps', id], { path });
  }

  models(path: string): Promise<Models> {
    return this._ask('GET', ['models'], { path });
  }

  previewPromotion(path: string, run?: string): Promise<PromotePreview> {
    return this._ask('GET', ['promote'], { path, run });
  }

  rehearse(options: PromoteOptions): Promise<Job> {
    return this._ask('POST', ['promote', 'preview'], {}, options);
  }

  promote(options: PromoteOptions): Promise<Job> {
    return this._ask('POST', ['promote'], {}, options);
  }

  crown(path: string, model: string, version: number): Promise<ModelVersion> {
    return this._ask('POST', ['models', model, String(version), 'champion'], { path });
  }

  startService(options: ServeOptions): Promise<Job> {
    return this._ask('POST', ['services'], {}, options);
  }

  stopService(path: string, name: string): Promise<Service> {
    return this._ask('DELETE', ['services', name], { path });
  }

  serviceLog(path: string, name: string, lines = 200): Promise<Text> {
    return this._ask('GET', ['services', name, 'log'], { path, lines });
  }

  predict(name: string, request: PredictRequest): Promise<Prediction> {
    return this._ask('POST', ['services', name, 'predict'], {}, request);
  }

  explore(options: ExploreOptions): Promise<Job> {
    return this._ask('POST', ['explore'], {}, options);
  }

  private _url(parts: readonly string[], query: Query): string {
    const url = URLExt.join(
      this.settings.baseUrl,
      'nbprod',
      'api',
      ...parts.map(encodeURIComponent)
    );
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const text = new URLSearchParams(
      given.map(([name, value]) => [name, String(value)])
    ).toString();
    return text ? `${url}?${text}` : url;
  }

  private async _ask<T>(
    method: Method,
    parts: readonly string[],
    query: Query = {},
    body?: object
  ): Promise<T> {
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(this._url(parts, query), init, this.settings);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ApiError(0, Private.problem(message, 'the server does not answer'));
    }
    const text = await response.text();
    if (!response.ok) {
      throw new ApiError(response.status, Private.read(text, response.statusText));
    }
    return (text ? JSON.parse(text) : undefined) as T;
  }
}

namespace Private {
  /** A problem that has but its text; `what` is empty where the answer is none of nbprod's. */
  export function problem(message: string, what = ''): Problem {
    return { message, what, fix: null, file: null, task: null, cell: null, line: null };
  }

  /** Read the body of an answer that is no success. */
  export function read(text: string, otherwise: string): Problem {
    try {
      const body = JSON.parse(text) as Partial<Problem> | null;
      if (body && typeof body.message === 'string') {
        return { ...problem(body.message), ...body };
      }
    } catch {
      // some proxy's page, say: what counts is the status
    }
    return problem(otherwise);
  }
}
