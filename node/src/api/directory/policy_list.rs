//! The namespaces that have a policy.

use sojourn_proto::directory::v1 as pb;

use super::super::deadline::Deadline;
use super::super::handler::Handler;
use super::super::status::Failure;
use super::policies::message;
use crate::session::{Key, Partition, SessionView};

/// Policies of a page, if the caller does not say.
const POLICIES_DEFAULT: u32 = 100;

/// Most policies of a page.
const POLICIES_MAX: u32 = 1_000;

/// Records looked at for a page: principals are among them.
const RECORDS_MAX: usize = 4_096;

/// Records read at a time.
const SCAN_RECORDS: usize = 256;

impl Handler {
    pub(super) async fn list_policies(
        &self,
        request: pb::ListPoliciesRequest,
        _: Deadline,
    ) -> Result<pb::ListPoliciesResponse, Failure> {
        let policies_max = match request.policies_max {
            0 => POLICIES_DEFAULT,
            asked @ 1..=POLICIES_MAX => asked,
            _ => return Err(Failure::field("policies_max", "0 to 1000")),
        };
        let mut after = read_token(&request.page_token)?;
        let mut page = pb::ListPoliciesResponse::default();
        let mut looked_at = 0;
        while looked_at < RECORDS_MAX {
            let global = Partition::global(self.partition_count);
            let records = self.engine.scan(global, after, SCAN_RECORDS).await?;
            let is_end = records.len() < SCAN_RECORDS;
            looked_at += records.len();
            for (key, state) in records {
                after = Some(key);
                let namespace = SessionView::open(&state, &self.decode_limits)?.namespace().to_owned();
                if self.records.policy_key(&namespace) != key {
                    continue;
                }
                let policy = Some(message(&*self.records.policy(&namespace).await?));
                page.policies.push(pb::NamespacePolicy { namespace, policy });
                if page.policies.len() >= policies_max as usize {
                    return Ok(continued(page, after));
                }
            }
            if is_end {
                return Ok(page);
            }
        }
        Ok(continued(page, after))
    }
}

fn continued(mut page: pb::ListPoliciesResponse, after: Option<Key>) -> pb::ListPoliciesResponse {
    page.next_page_token = after.map(|key| bytes::Bytes::copy_from_slice(&key.0)).unwrap_or_default();
    page
}

fn read_token(token: &[u8]) -> Result<Option<Key>, Failure> {
    if token.is_empty() {
        return Ok(None);
    }
    let key = <[u8; 16]>::try_from(token).map(Key);
    key.map(Some).map_err(|_| Failure::field("page_token", "empty, or next_page_token of an answer"))
}
