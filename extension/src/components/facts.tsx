import * as React from 'react';

import { value } from '../format';
import type { JSX } from '../tokens';

interface IFactsProps {
  readonly facts: Readonly<Record<string, unknown>>;
  /** Names what they are facts of, for who cannot see where they stand. */
  readonly label?: string;
}

/** Names and their values, one pair a line. */
export function Facts({ facts, label }: IFactsProps): JSX.Element {
  return (
    <dl className="nbprod-Facts" aria-label={label}>
      {Object.entries(facts).map(([name, one]) => (
        <div className="nbprod-Facts-pair" key={name}>
          <dt>{name}</dt>
          <dd>{React.isValidElement(one) ? one : value(one)}</dd>
        </div>
      ))}
    </dl>
  );
}
