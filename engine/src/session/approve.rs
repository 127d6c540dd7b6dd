use std::sync::Arc;

use super::engine::Inner;
use crate::event::{Answer, Emitter, EventKind};
use crate::guard::{ApprovalDesk, Permit, Refusal, Waiting, approval_request, check_approver};
use crate::types::{
    ApprovalAnswer, ApprovalRefused, ApprovalRequest, Clock, Fault, FaultKind, Token,
};

/// Finds somebody who approves an action that waits: by a token that was given, a person who is there, or
/// later, by a question that is left at the desk.
pub(super) async fn approve(
    engine: &Inner,
    emitter: &Emitter,
    waiting: Waiting,
    token: Option<Token>,
    arguments: &serde_json::Value,
) -> Result<Permit, Refusal> {
    if let (Some(token), Some(desk)) = (token, &engine.desk) {
        return redeem(desk, &engine.clock, emitter, token, waiting).await;
    }
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
    emitter.emit(|| EventKind::ApprovalRequested {
        token: request.id.clone(),
        action: waiting.judged(),
        approvers: request.approvers.clone(),
        expires: Some(request.expires),
    });
    let request = Arc::new(request);
    if let Some(approver) = engine.approver.clone() {
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
    let left = tokio::task::spawn_blocking(move || asked.ask(&question, &token, &*clock)).await;
    Err(match left {
        Ok(Ok(())) => waiting.left(&desk, &request, &token),
        Ok(Err(fault)) => waiting.refused(fault),
        Err(panicked) => waiting.refused(lost(panicked)),
    })
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
