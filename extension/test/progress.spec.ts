import { describe, expect, it } from 'vitest';

import { progressOf } from '../src/run/progress';
import { overwritten, plainText, stretches } from '../src/run/text';
import type { IProgress } from '../src/tokens';
import type { Job, JobEvent } from '../src/types';

function job(status: Job['status'], events: JobEvent[]): IProgress {
  return { job: { id: 'j', status } as Job, events };
}

function happen(events: JobEvent[], ...data: Record<string, unknown>[]): JobEvent[] {
  for (const one of data) {
    events.push({ number: events.length, data: one } as unknown as JobEvent);
  }
  return events;
}

const STARTED = { event: 'run-started', run: 'r1', at: 5, tasks: ['a', 'b'] };

describe('progressOf', () => {
  it('follows each task from queued to its end', () => {
    const events = happen([], STARTED);
    expect(progressOf(job('running', events)).tasks.get('a')?.state).toBe('pending');
    happen(
      events,
      { event: 'task-started', task: 'a', reason: 'never ran' },
      { event: 'task-cell', task: 'a', cell: 4, index: 2, total: 3 }
    );
    expect(progressOf(job('running', events)).tasks.get('a')).toMatchObject({
      state: 'running',
      cell: 4,
      index: 1, // one is behind it
      total: 3
    });
    happen(events, {
      event: 'task-finished',
      task: 'a',
      status: 'failed',
      seconds: 2,
      error: 'no'
    });
    expect(progressOf(job('running', events)).tasks.get('a')).toMatchObject({
      state: 'failed',
      error: 'no',
      seconds: 2
    });
  });

  it('puts tasks back that are planned anew', () => {
    const events = happen(
      [],
      STARTED,
      { event: 'task-finished', task: 'b', status: 'done', seconds: 1 },
      { event: 'replanned', pending: ['b'] }
    );
    expect(progressOf(job('running', events)).tasks.get('b')?.state).toBe('pending');
  });

  it('leaves nothing running when the process has gone', () => {
    const events = happen([], STARTED, { event: 'task-started', task: 'a' });
    const { tasks } = progressOf(job('lost', events));
    expect([...tasks.values()].map(task => task.state)).toEqual(['cancelled', 'cancelled']);
  });

  it('forgets the log lines that the job has forgotten', () => {
    const line = (text: string): object => ({
      event: 'task-log',
      task: 'a',
      stream: 'stdout',
      text
    });
    const events = happen([], STARTED, { ...line('1') }, { ...line('2') }, { ...line('3') });
    expect(progressOf(job('running', events)).log).toHaveLength(3);
    events.splice(1, 2);
    expect(progressOf(job('running', events)).log.map(one => one.text)).toEqual(['3']);
  });
});

describe('what tasks print', () => {
  it('is plain text without the codes of terminals', () => {
    expect(plainText('\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 \x00<b>')).toBe(
      'red link <b>'
    );
  });

  it('shows a progress bar as it ended', () => {
    expect(overwritten('0%\r50%\r100%\ndone\r\nlast\r')).toBe('100%\ndone\nlast');
  });

  it('stands together where one task printed it', () => {
    const log = [
      { number: 1, task: 'a', stream: 'stdout', text: 'x' },
      { number: 2, task: 'a', stream: 'stderr', text: 'y\n' },
      { number: 3, task: 'b', stream: 'stdout', text: 'z' },
      { number: 4, task: 'a', stream: 'stdout', text: 'w' }
    ];
    expect(stretches(log, null)).toEqual([
      { number: 1, task: 'a', text: 'xy\n' },
      { number: 3, task: 'b', text: 'z' },
      { number: 4, task: 'a', text: 'w' }
    ]);
    expect(stretches(log, 'b')).toEqual([{ number: 3, task: 'b', text: 'z' }]);
  });

  it('is cut at the front where there is too much of it', () => {
    const log = Array.from({ length: 300 }, (_, number) => ({
      number,
      task: 'a',
      stream: 'stdout',
      text: 'x'.repeat(1000)
    }));
    expect(stretches(log, null)[0].text.length).toBeLessThanOrEqual(200_000);
  });
});
