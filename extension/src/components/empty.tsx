import * as React from 'react';

import type { JSX } from '../tokens';

interface IEmptyProps {
  readonly title: string;
  readonly children?: React.ReactNode;
}

/** What a view shows while there is nothing to show: what to do next. */
export function Empty({ title, children }: IEmptyProps): JSX.Element {
  return (
    <div className="nbprod-Empty">
      <h2 className="nbprod-Empty-title">{title}</h2>
      <div className="nbprod-Empty-text">{children}</div>
    </div>
  );
}
