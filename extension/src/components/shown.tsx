import * as React from 'react';

import type { JSX } from '../tokens';

interface IShownProps {
  /** Drawn from the first time that it can be seen, and kept then; told whether it can be seen now. */
  readonly children: (isShown: boolean) => React.ReactNode;
}

/** Keeps a tab that nobody has opened yet from asking the server for anything. */
export function WhenShown({ children }: IShownProps): JSX.Element {
  const place = React.useRef<HTMLDivElement>(null);
  const [isShown, setIsShown] = React.useState(false);
  const [wasShown, setWasShown] = React.useState(false);
  React.useEffect(() => {
    const observer = new IntersectionObserver(entries => {
      const isVisible = entries[entries.length - 1].isIntersecting;
      setIsShown(isVisible);
      setWasShown(was => was || isVisible);
    });
    if (place.current) {
      observer.observe(place.current);
    }
    return () => observer.disconnect();
  }, []);
  return (
    <div className="nbprod-Shown" ref={place}>
      {wasShown ? children(isShown) : null}
    </div>
  );
}
