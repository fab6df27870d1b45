interface DeliveryErrorOptions {
  /** No later attempt can succeed. Default: false. */
  readonly isFinal?: boolean;
  /** Time after which the receiver wants the next attempt. Default: the usual delay. */
  readonly retryAfterMs?: number;
}

/** Reports that a notification was not delivered. Its message holds no address and no secret. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  readonly isFinal: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { isFinal = false, retryAfterMs }: DeliveryErrorOptions = {}) {
    super(message);
    this.isFinal = isFinal;
    this.retryAfterMs = retryAfterMs;
  }
}
