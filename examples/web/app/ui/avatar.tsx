import { useState } from "react";

interface AvatarProps {
  readonly src: string | null;
  /** Its initial stands in where there is no picture. */
  readonly name: string;
  readonly shape?: "round" | "square";
  /** Whether the user is online. */
  readonly dot?: { readonly label: string } | null | undefined;
}

/** A picture of a user whose name stands beside it. */
export function Avatar({ src, name, shape = "round", dot }: AvatarProps) {
  const [isBroken, setBroken] = useState(false);
  return (
    <span className={`avatar ${shape}`}>
      {src && !isBroken ? (
        <img src={src} alt="" onError={() => setBroken(true)} />
      ) : (
        <span aria-hidden="true">{Array.from(name)[0] ?? "?"}</span>
      )}
      {dot && <span className="dot" role="img" aria-label={dot.label} title={dot.label} />}
    </span>
  );
}
