use std::sync::Arc;

use super::engine::Inner;
use super::request::Redeem;
use crate::event::{Answer, Emitter, EventKind};
use crate::guard::{
    Answered, ApprovalDesk, Permit, Refusal, Waiting, approval_request, check_approver,
};
use crate::types::{
    ApprovalAnswer, ApprovalRefused, ApprovalRequest, Clock, Fault, FaultKind, Token,
};

/// Finds somebody who approves an action that waits: by a token that was given, a person who is there, or
/// later, by a question that is left at the desk.
pub(super) async fn approve(
    engine: &Inner,
    emitter: &Emitter,
    waiting: Waiting,
    by: Option<Redeem>,
    arguments: &serde_json::Value,
) -> Result<Permit, Refusal> {
    let waiting = match (by, &engine.desk) {
        (Some(Redeem::Token(token)), Some(desk)) => {
            return redeem(desk, &engine.clock, emitter, token, waiting).await;
        }
        (Some(Redeem::Answered), Some(desk)) => {
            match redeem_answered(desk, &engine.clock, emitter, waiting).await? {
                Redeemed::Permit(permit) => return Ok(permit),
                Redeemed::Not(waiting) => waiting,
            }
        }
        (None, _) | (_, None) => waiting,
    };
    let lasts = engine
        .desk
        .as_ref()
        .map_or(ApprovalDesk::LASTS, ApprovalDesk::lasts);
    let prepared = fresh().and_then(|token| {
        let request = approval_request(&waiting, &token, arguments, lasts, &*engine.clock)?;
        Ok((token, request))
    });
    let (token, request) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => return Err(waiting.refused(fault)),
    };
    if engine.approver.is_none() && engine.desk.is_none() {
        return Err(waiting.unanswered());
    }
    let request = Arc::new(request);
    if let Some(approver) = engine.approver.clone() {
        requested(emitter, &request, &waiting);
        let shown = request.clone();
        let answered = tokio::task::spawn_blocking(move || approver.ask(&shown)).await;
        // An approver that panicked has not answered.
        if let Some(answer) = answered.unwrap_or_default() {
            return settle(&request, answer, &*engine.clock, emitter, waiting);
        }
    }
    let Some(desk) = engine.desk.clone() else {
        return Err(waiting.unanswered());
    };
    let (question, asked, clock) = (request.clone(), desk.clone(), engine.clock.clone());
    // Of several that go on at once, one asks.
    let joins = matches!(by, Some(Redeem::Answered)) && engine.approver.is_none();
    let left = tokio::task::spawn_blocking(move || {
        if joins {
            return asked.join(&question, &token, &*clock);
        }
        asked.ask(&question, &token, &*clock).map(|()| None)
    });
    Err(match left.await {
        Ok(Ok(None)) => {
            if engine.approver.is_none() {
                requested(emitter, &request, &waiting);
            }
            waiting.left(&desk, &request, &token)
        }
        Ok(Ok(Some(known))) => waiting.pending(&desk, &known),
        Ok(Err(fault)) => waiting.refused(fault),
        Err(panicked) => waiting.refused(lost(panicked)),
    })
}

fn requested(emitter: &Emitter, request: &ApprovalRequest, waiting: &Waiting) {
    emitter.emit(|| EventKind::ApprovalRequested {
        token: request.id.clone(),
        action: waiting.judged(),
        approvers: request.approvers.clone(),
        expires: Some(request.expires),
    });
}

/// What came of looking for an answer.
enum Redeemed {
    /// There was one.
    Permit(Permit),
    /// There is none, and nobody is asked.
    Not(Waiting),
}

/// Uses up an approval that was given for the action that waits.
async fn redeem_answered(
    desk: &ApprovalDesk,
    clock: &Arc<dyn Clock>,
    emitter: &Emitter,
    waiting: Waiting,
) -> Result<Redeemed, Refusal> {
    let (asked, clock) = (desk.clone(), clock.clone());
    let looking = tokio::task::spawn_blocking(move || {
        let found = asked.redeem_answered(&waiting, &*clock);
        (found, waiting)
    });
    let (found, waiting) = match looking.await {
        Ok(found) => found,
        // The action that waited is gone with the thread.
        Err(panicked) => return Err(Refusal::lost(lost(panicked))),
    };
    match found {
        Ok(Answered::Approved(request, answer)) => {
            resolved(emitter, request.id, &answer);
            let because = format!("approved by `{}`", answer.principal);
            Ok(Redeemed::Permit(waiting.approved(because)))
        }
        Ok(Answered::Waits(request)) => Err(waiting.pending(desk, &request)),
        Ok(Answered::Nothing) => Ok(Redeemed::Not(waiting)),
        Err(fault) => Err(waiting.refused(fault)),
    }
}

/// Uses up the approval that a token stands for.
async fn redeem(
    desk: &ApprovalDesk,
    clock: &Arc<dyn Clock>,
    emitter: &Emitter,
    token: Token,
    waiting: Waiting,
) -> Result<Permit, Refusal> {
    let (desk, clock) = (desk.clone(), clock.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let answer = desk.redeem(&token, &waiting, &*clock);
        (answer, waiting)
    });
    let (answer, waiting) = match asked.await {
        Ok(asked) => asked,
        // The action that waited is gone with the thread.
        Err(panicked) => return Err(Refusal::lost(lost(panicked))),
    };
    match answer {
        Ok(answer) => {
            resolved(emitter, token.id(), &answer);
            Ok(waiting.approved(format!("approved by `{}`", answer.principal)))
        }
        Err(fault) => {
            if matches!(fault.kind(), FaultKind::Approval(ApprovalRefused::Expired)) {
                emitter.emit(|| EventKind::ApprovalExpired { token: token.id() });
            }
            Err(waiting.refused(fault))
        }
    }
}

/// Does what somebody who is there said.
#[expect(
    clippy::result_large_err,
    reason = "a refusal is made once in a run, and ends it"
)]
fn settle(
    request: &ApprovalRequest,
    answer: ApprovalAnswer,
    clock: &dyn Clock,
    emitter: &Emitter,
    waiting: Waiting,
) -> Result<Permit, Refusal> {
    if let Err(fault) = check_approver(request, &answer.principal) {
        return Err(waiting.refused(fault));
    }
    // Whoever reads for longer than the question lasts has to be asked again.
    if clock.timestamp() >= request.expires {
        emitter.emit(|| EventKind::ApprovalExpired {
            token: request.id.clone(),
        });
        return Err(waiting.refused(ApprovalRefused::Expired.into()));
    }
    resolved(emitter, request.id.clone(), &answer);
    if answer.approved {
        Ok(waiting.approved(format!("approved by `{}`", answer.principal)))
    } else {
        Err(waiting.refused(
            ApprovalRefused::Denied {
                by: answer.principal,
            }
            .into(),
        ))
    }
}

fn resolved(emitter: &Emitter, token: String, answer: &ApprovalAnswer) {
    emitter.emit(|| EventKind::ApprovalResolved {
        token,
        answer: Answer {
            approved: answer.approved,
            principal: answer.principal.as_str().to_owned(),
            reason: answer.reason.clone(),
            arguments: None,
        },
    });
}

/// A token that nobody can guess.
fn fresh() -> Result<Token, Fault> {
    let mut bytes = [0; 32];
    let read = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    match read {
        Ok(32) => Ok(Token::from_bytes(bytes)),
        Ok(_) => Err(Fault::system("reading random bytes")),
        Err(error) => Err(Fault::system("reading random bytes").caused_by(error)),
    }
}

fn lost(panicked: tokio::task::JoinError) -> Fault {
    Fault::new(FaultKind::Bug {
        at: "the desk of approvals",
    })
    .caused_by(panicked)
}
