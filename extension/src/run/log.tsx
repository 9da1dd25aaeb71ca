import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JSX } from '../tokens';
import type { ILogLine } from './progress';
import { stretches } from './text';

interface ILogProps {
  readonly log: readonly ILogLine[];
  /** How much there is: the log grows in place. */
  readonly size: number;
  readonly trans: TranslationBundle;
}

const NEAR = 24; // px from the end that count as the end

/** What the tasks print, as text; it follows the end until one scrolls up. */
export function Log({ log, size, trans }: ILogProps): JSX.Element {
  const [task, setTask] = React.useState<string | null>(null);
  const box = React.useRef<HTMLDivElement>(null);
  const isAtEnd = React.useRef(true);
  const tasks = React.useMemo(() => [...new Set(log.map(line => line.task))], [log, size]);
  const shown = React.useMemo(() => stretches(log, task), [log, size, task]);
  React.useLayoutEffect(() => {
    if (box.current && isAtEnd.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [shown]);
  const onScroll = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < NEAR;
  };
  return (
    <section>
      <div className="nbprod-RunLog-head">
        <h2>{trans.__('Output')}</h2>
        {tasks.length > 1 ? (
          <select
            className="nbprod-Select"
            aria-label={trans.__('Whose output')}
            value={task ?? ''}
            onChange={event => setTask(event.target.value || null)}
          >
            <option value="">{trans.__('all tasks')}</option>
            {tasks.map(name => (
              <option key={name}>{name}</option>
            ))}
          </select>
        ) : null}
      </div>
      <div
        className="nbprod-RunLog"
        role="log"
        aria-live="off"
        aria-label={trans.__('Output of the run')}
        tabIndex={0}
        ref={box}
        onScroll={onScroll}
      >
        {shown.map(one => (
          <React.Fragment key={one.number}>
            {tasks.length > 1 && task === null ? (
              <div className="nbprod-RunLog-task">{one.task}</div>
            ) : null}
            <pre>{one.text}</pre>
          </React.Fragment>
        ))}
      </div>
    </section>
  );
}
