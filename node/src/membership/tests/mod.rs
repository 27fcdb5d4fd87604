//! Whole clusters in one process: real gRPC over pipes, time under control.

mod callers;
mod cluster;
mod harness;
mod storage;
