import * as React from 'react';

import type { JSX } from '../tokens';

interface IBackProps {
  readonly label: string;
  readonly onBack: () => void;
}

/** The way back from something that is shown in place of a list. It has the focus first. */
export function Back({ label, onBack }: IBackProps): JSX.Element {
  const button = React.useRef<HTMLButtonElement>(null);
  React.useEffect(() => button.current?.focus({ preventScroll: true }), []);
  return (
    <button type="button" className="nbprod-Back" ref={button} onClick={onBack}>
      <span aria-hidden="true">‹ </span>
      {label}
    </button>
  );
}
