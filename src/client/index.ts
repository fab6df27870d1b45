/** The library: everything that the command line does, a program can do through these. */
export { loadConfig } from '../config.js';
export type { Config } from '../config.js';
export type { AdoptPolicy, DesiredEntity, Pipeline, Target } from '../contract/entity.js';
export { ExitCode } from '../contract/failures.js';
export type { ApprovalAnswer, BootstrapRequest, Gate, Progress } from '../contract/messages.js';
export { exitCodeOf } from '../contract/report.js';
export type { Approval, Decision, Drift, EntityReport, Report, ReportResult } from '../contract/report.js';
export { answerGate, AnswerRefusedError, openGate } from './approval.js';
export type { GatePlace } from './approval.js';
export { connectTemporal, UnreachableError } from './connect.js';
export type { TemporalConnection } from './connect.js';
export { defineBootstrap } from './define.js';
export type { Manifest } from './define.js';
export { loadRequest, validate } from './request.js';
export type { LoadedRequest, RequestOptions } from './request.js';
export type { AppliedRevision, Revision } from '../contract/revision.js';
export { apply, BusyError, plan, recentRuns, RequestKeyError, RunLostError } from './run.js';
export type { RunEvent, RunOptions, RunSummary } from './run.js';
