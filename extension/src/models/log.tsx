import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Api } from '../api';
import { useAsked } from '../components/asked';
import { ProblemBox } from '../components/problem';
import type { JSX } from '../tokens';

interface ILogProps {
  readonly api: Api;
  readonly path: string;
  readonly name: string;
  /** Whether it is open at first. */
  readonly isOpen: boolean;
  readonly trans: TranslationBundle;
}

/** The last lines that a service has written, asked for once they are looked at. */
export function ServiceLog(props: ILogProps): JSX.Element {
  const [isOpen, setIsOpen] = React.useState(props.isOpen);
  return (
    <details
      className="nbprod-Disclosure"
      open={isOpen}
      onToggle={event => setIsOpen(event.currentTarget.open)}
    >
      <summary>
        <h3>{props.trans.__('Log')}</h3>
      </summary>
      {isOpen ? <Lines {...props} /> : null}
    </details>
  );
}

function Lines({ api, path, name, trans }: ILogProps): JSX.Element {
  const asked = useAsked(() => api.serviceLog(path, name), name);
  const place = React.useRef<HTMLPreElement>(null);
  React.useEffect(() => {
    if (place.current) {
      place.current.scrollTop = place.current.scrollHeight;
    }
  }, [asked.value]);
  return (
    <>
      {asked.problem ? <ProblemBox problem={asked.problem} /> : null}
      <pre className="nbprod-Log" ref={place} tabIndex={0} aria-label={trans.__('Log')}>
        {asked.value ? asked.value.text || trans.__('nothing yet') : trans.__('loading…')}
      </pre>
      <button type="button" className="nbprod-Link" onClick={asked.again}>
        {trans.__('refresh the log')}
      </button>
    </>
  );
}
