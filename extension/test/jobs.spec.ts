import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Jobs } from '../src/jobs';
import type { Job, JobEvent } from '../src/types';

/** A server that knows jobs and their events, and tells them when asked to. */
class Server {
  jobsKnown = new Map<string, { job: Job; events: JobEvent[] }>();
  asked: string[] = [];
  isAway = false;
  stream = new Signal<object, unknown>(this);
  connectionFailure = new Signal<object, Error>(this);
  /** Held back: answers wait until this is resolved. */
  gate: Promise<void> = Promise.resolve();

  start(id: string, created = 1): Job {
    const job = {
      id,
      kind: 'run',
      path: 'n.ipynb',
      pipeline: 'n',
      status: 'running',
      created,
      finished: null,
      events: 0,
      run: null,
      sweep: null,
      error: null,
      result: null
    } as Job;
    this.jobsKnown.set(id, { job, events: [] });
    return { ...job };
  }

  /** Something happens in a job; `isHeard` whether the page's socket brings it. */
  happen(id: string, data: Partial<JobEvent['data']>, isHeard = true): void {
    const { job, events } = this.jobsKnown.get(id)!;
    const event = { job: id, kind: 'run', path: job.path, number: events.length, data } as JobEvent;
    events.push(event);
    job.events = events.length;
    if (isHeard) {
      this.stream.emit({ ...event, schema_id: 'https://nbprod.dev/events/job' });
    }
  }

  end(id: string, isHeard = true): void {
    this.jobsKnown.get(id)!.job.status = 'done';
    this.happen(id, { event: 'job-ended', status: 'done' }, isHeard);
  }

  jobs = async (): Promise<Job[]> => {
    this.asked.push('jobs');
    await this.gate;
    this.check();
    return [...this.jobsKnown.values()].map(({ job }) => ({ ...job }));
  };

  /** Events that are given at once, and those at the beginning that are left out. */
  most = Infinity;
  skip = 0;

  jobEvents = async (id: string, after: number): Promise<{ job: Job; events: JobEvent[] }> => {
    this.asked.push(`${id} after ${after}`);
    const { job, events } = this.jobsKnown.get(id)!;
    const answer = {
      job: { ...job },
      events: events.slice(Math.max(after, this.skip)).slice(0, this.most)
    };
    await this.gate;
    this.check();
    return answer;
  };

  stopJob = async (id: string): Promise<Job> => {
    const { job } = this.jobsKnown.get(id)!;
    return { ...job, status: 'cancelled' };
  };

  check(): void {
    if (this.isAway) {
      throw new Error('away');
    }
  }
}

describe('Jobs', () => {
  let server: Server;
  let jobs: Jobs;
  let seen: number[];

  beforeEach(() => {
    vi.useFakeTimers();
    server = new Server();
    const services = {
      events: { stream: server.stream },
      connectionFailure: server.connectionFailure
    };
    jobs = new Jobs(server as never, services as never);
    seen = [];
    jobs.event.connect((_, event) => seen.push(event.number));
  });

  afterEach(() => {
    jobs.dispose();
    vi.useRealTimers();
  });

  const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(100);

  it('takes each event once and in order', async () => {
    jobs.add(server.start('a'));
    await settle();
    server.happen('a', { event: 'run-started' });
    server.happen('a', { event: 'task-started' });
    await settle();

    expect(seen).toEqual([0, 1]);
    expect(jobs.list('n.ipynb', 'run')[0].events.map(one => one.data.event)).toEqual([
      'run-started',
      'task-started'
    ]);
  });

  it('asks for what a gap has left out', async () => {
    jobs.add(server.start('a'));
    await settle();
    server.happen('a', { event: 'run-started' }, false);
    server.happen('a', { event: 'task-started' });
    await settle();

    expect(seen).toEqual([0, 1]);
  });

  it('misses nothing that happens while it asks', async () => {
    jobs.add(server.start('a'));
    await settle();
    let open = (): void => undefined;
    server.gate = new Promise(resolve => (open = resolve));
    server.happen('a', { event: 'run-started' }, false);
    server.happen('a', { event: 'one' }); // a gap: the answer is on its way
    server.happen('a', { event: 'two' });
    server.happen('a', { event: 'three' });
    open();
    await settle();

    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('asks one question at a time about a job', async () => {
    jobs.add(server.start('a'));
    await settle();
    server.asked = [];
    let open = (): void => undefined;
    server.gate = new Promise(resolve => (open = resolve));
    server.happen('a', { event: 'lost' }, false);
    for (let count = 0; count < 20; count += 1) {
      server.happen('a', { event: 'x' });
    }
    expect(server.asked.filter(one => one.startsWith('a '))).toEqual(['a after 0']);
    open();
    await settle();

    expect(seen).toHaveLength(21);
    expect(server.asked.filter(one => one.startsWith('a ')).length).toBeLessThanOrEqual(2);
  });

  it('learns of a job that another page has started', async () => {
    server.start('b');
    server.happen('b', { event: 'run-started' });
    await settle();

    expect(jobs.running('n.ipynb', 'run')?.events).toHaveLength(1);
  });

  it('finds after a reload what runs, with all that has happened', async () => {
    server.start('a');
    server.happen('a', { event: 'run-started' }, false);
    await jobs.refresh();
    await settle();

    expect(jobs.running('n.ipynb')?.events).toHaveLength(1);
    expect(seen).toEqual([0]);
  });

  it('tells the end once, after the last event', async () => {
    const ended: string[] = [];
    jobs.ended.connect((_, job) => ended.push(`${job.id} ${job.status} after ${seen.length}`));
    jobs.add(server.start('a'));
    await settle();
    server.happen('a', { event: 'run-started' });
    server.end('a');
    await settle();
    await jobs.refresh();
    await settle();

    expect(ended).toEqual(['a done after 2']);
    expect(jobs.running('n.ipynb')).toBeNull();
  });

  it('sees by itself that a job has ended when the socket is dead', async () => {
    const ended: string[] = [];
    jobs.ended.connect((_, job) => ended.push(job.status));
    jobs.add(server.start('a'));
    await settle();
    server.happen('a', { event: 'run-started' }, false);
    server.end('a', false);
    await vi.advanceTimersByTimeAsync(5000);

    expect(ended).toEqual(['done']);
    expect(seen).toEqual([0, 1]);
  });

  it('goes on when the server was away for a while', async () => {
    jobs.add(server.start('a'));
    await settle();
    server.isAway = true;
    server.happen('a', { event: 'run-started' }, false);
    server.connectionFailure.emit(new Error('gone'));
    await vi.advanceTimersByTimeAsync(10000);
    expect(seen).toEqual([]);
    server.isAway = false;
    await vi.advanceTimersByTimeAsync(40000);

    expect(seen).toEqual([0]);
  });

  it('asks nothing while nothing runs', async () => {
    jobs.add(server.start('a'));
    await settle();
    server.end('a');
    await settle();
    server.asked = [];
    await vi.advanceTimersByTimeAsync(60000);

    expect(server.asked).toEqual([]);
  });

  it('keeps the end of a long log, and everything else', async () => {
    jobs.add(server.start('a'));
    await settle();
    server.happen('a', { event: 'run-started' });
    for (let count = 0; count < 7000; count += 1) {
      server.happen('a', { event: 'task-log', text: String(count) });
    }
    server.happen('a', { event: 'run-finished' });
    await settle();
    const { events } = jobs.list()[0];

    expect(events[0].data.event).toBe('run-started');
    expect(events[events.length - 1].number).toBe(7001);
    expect(events.length).toBeLessThan(6100);
    expect(seen).toHaveLength(7002);
  });

  it('asks on where the server gives so many events at once, and takes a log that begins late', async () => {
    const job = server.start('a');
    for (let at = 0; at < 50; at += 1) {
      server.happen('a', { event: 'task-log', text: `${at}` }, false);
    }
    server.skip = 10;
    server.most = 15;

    jobs.add(job);
    await settle();

    expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => index + 10));
    server.happen('a', { event: 'task-log', text: 'live' });
    expect(seen.at(-1)).toBe(50);
  });

  it('does not ask for the events of what ended long ago before someone wants them', async () => {
    server.start('old');
    server.end('old', false);
    await jobs.refresh();
    await settle();
    expect(seen).toEqual([]);
    jobs.load('old');
    await settle();

    expect(seen).toEqual([0]);
  });

  it('goes along when the notebook is renamed', async () => {
    const ended: string[] = [];
    jobs.ended.connect((_, job) => ended.push(job.path));
    jobs.add(server.start('a'));
    await settle();
    jobs.move('n.ipynb', 'm.ipynb');
    server.happen('a', { event: 'run-started' });
    await settle();
    await jobs.refresh();

    expect(jobs.running('n.ipynb')).toBeNull();
    expect(jobs.running('m.ipynb')?.events).toHaveLength(1);
    server.end('a');
    await settle();
    expect(ended).toEqual(['m.ipynb']);
  });
});
