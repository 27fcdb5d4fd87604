//! Tests of the packing, without a connection.

use std::task::Waker;
use std::time::Duration;

use futures::FutureExt;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{GetRequest, GetResponse, PipelineCall, PipelineReply};

use super::stream::Next;
use super::{Failure, Limits, Pipeline};
use crate::error::Error;
use crate::runtime;

const LIMITS: Limits = Limits {
    in_flight_max: 8,
    queue_bytes_max: 400,
    call_bytes_max: 300,
    batch_calls_max: 3,
    batch_bytes_max: 250,
};

fn get(id_bytes: usize) -> Call {
    Call::Get(GetRequest { session_id: "x".repeat(id_bytes), ..GetRequest::default() })
}

async fn call(pipeline: &Pipeline, call: Call) -> Result<Reply, Failure> {
    pipeline.call(call, 0, runtime::now() + Duration::from_secs(10)).await
}

fn taken(pipeline: &Pipeline) -> Option<Vec<PipelineCall>> {
    match pipeline.next(Waker::noop()) {
        Next::Send(calls) => Some(calls),
        Next::Wait | Next::End => None,
    }
}

fn answer(id: u64) -> PipelineReply {
    PipelineReply { id, reply: Some(Reply::Get(GetResponse::default())) }
}

#[tokio::test]
async fn messages_are_bounded_in_calls_and_bytes() {
    let pipeline = Pipeline::new(LIMITS);
    let sizes = [1, 1, 1, 1, 200, 100];
    let mut callers: Vec<_> = sizes.iter().map(|size| Box::pin(call(&pipeline, get(*size)))).collect();
    callers.iter_mut().for_each(|caller| assert!(caller.now_or_never().is_none()));
    let batches: Vec<usize> = std::iter::from_fn(|| taken(&pipeline)).map(|calls| calls.len()).collect();
    assert_eq!(batches, [3, 2, 1]);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_finds_nobody() {
    let pipeline = Pipeline::new(LIMITS);
    let mut gone = Box::pin(call(&pipeline, get(1)));
    assert!(gone.as_mut().now_or_never().is_none());
    let old = taken(&pipeline).unwrap()[0].id;
    drop(gone);
    let mut next = Box::pin(call(&pipeline, get(1)));
    assert!(next.as_mut().now_or_never().is_none());
    let new = taken(&pipeline).unwrap()[0].id;
    assert_ne!(old, new, "the place is the same, the generation is not");
    pipeline.complete(vec![answer(old)]);
    assert!(next.as_mut().now_or_never().is_none(), "somebody else's answer");
    pipeline.complete(vec![answer(new), answer(new), answer(77)]);
    assert!(next.await.is_ok());
}

#[tokio::test]
async fn a_call_that_was_given_up_is_not_sent() {
    let pipeline = Pipeline::new(LIMITS);
    let late = pipeline.call(get(1), 0, runtime::now()).await;
    assert!(matches!(late, Err(Failure::NotSent(Error::DeadlineExceeded))));
    assert!(taken(&pipeline).is_none());
}

#[tokio::test]
async fn bytes_that_wait_are_bounded_and_those_of_lost_callers_make_room() {
    let pipeline = Pipeline::new(LIMITS);
    let mut first = Box::pin(call(&pipeline, get(250)));
    assert!(first.as_mut().now_or_never().is_none());
    let refused = call(&pipeline, get(250)).await;
    assert!(matches!(refused, Err(Failure::NotSent(Error::Overloaded(_)))));
    drop(first);
    assert!(call(&pipeline, get(250)).now_or_never().is_none(), "there is room again");
}

#[tokio::test]
async fn a_broken_stream_tells_what_was_sent_from_what_was_not() {
    let pipeline = Pipeline::new(LIMITS);
    let mut sent = Box::pin(call(&pipeline, get(1)));
    assert!(sent.as_mut().now_or_never().is_none());
    assert_eq!(taken(&pipeline).unwrap().len(), 1);
    let mut waiting = Box::pin(call(&pipeline, get(1)));
    assert!(waiting.as_mut().now_or_never().is_none());
    pipeline.close(Error::unavailable("gone"));
    assert!(matches!(sent.await, Err(Failure::Unknown(Error::Unavailable(_)))));
    assert!(matches!(waiting.await, Err(Failure::NotSent(Error::Unavailable(_)))));
    assert!(matches!(call(&pipeline, get(1)).await, Err(Failure::NotSent(_))), "closed for good");
    assert!(matches!(pipeline.next(Waker::noop()), Next::End));
}

#[tokio::test]
async fn calls_beyond_the_limit_wait_their_turn() {
    let pipeline = Pipeline::new(LIMITS);
    let mut callers: Vec<_> = (0..9).map(|_| Box::pin(call(&pipeline, get(1)))).collect();
    callers.iter_mut().for_each(|caller| assert!(caller.now_or_never().is_none()));
    let sent: Vec<PipelineCall> = std::iter::from_fn(|| taken(&pipeline)).flatten().collect();
    assert_eq!(sent.len(), LIMITS.in_flight_max);
    pipeline.complete(vec![answer(sent[0].id)]);
    assert!(callers.remove(0).await.is_ok());
    assert!(callers[7].as_mut().now_or_never().is_none());
    assert_eq!(taken(&pipeline).unwrap().len(), 1, "the ninth");
}
