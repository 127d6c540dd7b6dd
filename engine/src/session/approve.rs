use std::sync::Arc;

use super::engine::Inner;
use super::request::Redeem;
use crate::event::{Answer, Emitter, EventKind};
use crate::guard::{
    Answered, ApprovalDesk, Permit, Refusal, Waiting, approval_request, check_approver, expired,
};
use crate::types::{
    ApprovalAnswer, ApprovalRefused, ApprovalRequest, Clock, Fault, FaultKind, Token,
};

/// Finds somebody who approves an action that waits: by a token that was given, or by a question. The question is left
/// at the desk first, so that whoever is there and whoever looks at the desk can answer it, and one answer counts.
pub(super) async fn approve(
    engine: &Inner,
    emitter: &Emitter,
    waiting: Waiting,
    by: Option<Redeem>,
    arguments: &serde_json::Value,
) -> Result<Permit, Refusal> {
    let mut waiting = waiting;
    let mut known = None;
    let mut by = by;
    if let (Some(Redeem::Offered(token)), Some(desk)) = (by, &engine.desk) {
        let fits;
        (fits, waiting) = at_desk(desk, &engine.clock, waiting, move |desk, waiting, _| {
            desk.is_for(&token, waiting)
        })
        .await?;
        by = match fits {
            Ok(true) => Some(Redeem::Token(token)),
            Ok(false) => None,
            Err(fault) => return Err(waiting.refused(fault)),
        };
    }
    match (by, &engine.desk) {
        (Some(Redeem::Token(token)), Some(desk)) => {
            return redeem(desk, &engine.clock, emitter, token, waiting).await;
        }
        (Some(Redeem::Answered), Some(desk)) => {
            let found;
            (found, waiting) =
                at_desk(desk, &engine.clock, waiting, ApprovalDesk::redeem_answered).await?;
            match found {
                Ok(Answered::Approved(request, answer)) => {
                    resolved(emitter, request.id, &answer);
                    return Ok(waiting.approved(because(&answer)));
                }
                Ok(Answered::Waits(request)) => known = Some(request),
                Ok(Answered::Nothing) => {}
                Err(fault) => return Err(waiting.refused(fault)),
            }
        }
        (None | Some(Redeem::Offered(_)), _) | (_, None) => {}
    }
    if engine.approver.is_none() && engine.desk.is_none() {
        return Err(waiting.unanswered());
    }
    let (request, token) = match known {
        Some(known) => (known, None),
        None => {
            let (asked, left);
            // Of several that go on at once, one asks.
            let joins = matches!(by, Some(Redeem::Answered)) && engine.approver.is_none();
            (asked, left) = ask(engine, emitter, waiting, joins, arguments).await?;
            waiting = left;
            asked
        }
    };
    let request = Arc::new(request);
    let mut answer = None;
    if let Some(approver) = engine.approver.clone() {
        let shown = request.clone();
        let asked = tokio::task::spawn_blocking(move || approver.ask(&shown)).await;
        // An approver that panicked has not answered.
        answer = asked.unwrap_or_default();
    }
    if let Some(answer) = &answer
        && let Err(fault) = check_approver(&request, &answer.principal)
    {
        return Err(waiting.refused(fault));
    }
    let Some(desk) = engine.desk.clone() else {
        return match answer {
            None => Err(waiting.unanswered()),
            // Whoever reads for longer than the question lasts has to be asked again.
            Some(_) if expired(&request, engine.clock.timestamp(), &*engine.clock) => {
                Err(over(emitter, &request, waiting))
            }
            Some(answer) => settle(emitter, &request, answer, waiting),
        };
    };
    if engine.approver.is_some() {
        let about = request.clone();
        let found;
        (found, waiting) = at_desk(&desk, &engine.clock, waiting, move |desk, _, clock| {
            desk.conclude(&about, answer.as_ref(), clock)
        })
        .await?;
        match found {
            Ok(Some(answer)) => return settle(emitter, &request, answer, waiting),
            Ok(None) => {}
            Err(fault) if is_expired(&fault) => return Err(over(emitter, &request, waiting)),
            Err(fault) => return Err(waiting.refused(fault)),
        }
    }
    Err(match token {
        Some(token) => waiting.left(&desk, &request, &token),
        None => waiting.pending(&desk, &request),
    })
}

/// A question, and the token that redeems its answer; `None` if somebody else asked it.
type Question = (ApprovalRequest, Option<Token>);

/// Asks: at the desk, if there is one. With `joins`, the same question is not asked twice.
async fn ask(
    engine: &Inner,
    emitter: &Emitter,
    waiting: Waiting,
    joins: bool,
    arguments: &serde_json::Value,
) -> Result<(Question, Waiting), Refusal> {
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
    let mut waiting = waiting;
    if let Some(desk) = &engine.desk {
        let about = request.clone();
        let left;
        (left, waiting) = at_desk(desk, &engine.clock, waiting, move |desk, _, clock| {
            if joins {
                return desk.join(&about, &token, clock);
            }
            desk.ask(&about, &token, clock).map(|()| None)
        })
        .await?;
        match left {
            Ok(None) => {}
            Ok(Some(known)) => return Ok(((known, None), waiting)),
            Err(fault) => return Err(waiting.refused(fault)),
        }
    }
    emitter.emit(|| EventKind::ApprovalRequested {
        token: request.id.clone(),
        action: waiting.judged(),
        approvers: request.approvers.clone(),
        expires: Some(request.expires),
    });
    Ok(((request, Some(token)), waiting))
}

/// Does something at the desk about the action that waits, on a thread that may block.
async fn at_desk<T: Send + 'static>(
    desk: &ApprovalDesk,
    clock: &Arc<dyn Clock>,
    waiting: Waiting,
    work: impl FnOnce(&ApprovalDesk, &Waiting, &dyn Clock) -> Result<T, Fault> + Send + 'static,
) -> Result<(Result<T, Fault>, Waiting), Refusal> {
    let (desk, clock) = (desk.clone(), clock.clone());
    let working = tokio::task::spawn_blocking(move || {
        let done = work(&desk, &waiting, &*clock);
        (done, waiting)
    });
    // The action that waited is gone with the thread.
    working
        .await
        .map_err(|panicked| Refusal::lost(lost(panicked)))
}

/// Uses up the approval that a token stands for.
async fn redeem(
    desk: &ApprovalDesk,
    clock: &Arc<dyn Clock>,
    emitter: &Emitter,
    token: Token,
    waiting: Waiting,
) -> Result<Permit, Refusal> {
    let (answer, waiting) = at_desk(desk, clock, waiting, move |desk, waiting, clock| {
        desk.redeem(&token, waiting, clock)
    })
    .await?;
    match answer {
        Ok(answer) => {
            resolved(emitter, token.id(), &answer);
            Ok(waiting.approved(because(&answer)))
        }
        Err(fault) => {
            if is_expired(&fault) {
                emitter.emit(|| EventKind::ApprovalExpired { token: token.id() });
            }
            Err(waiting.refused(fault))
        }
    }
}

/// Does what somebody said.
#[expect(
    clippy::result_large_err,
    reason = "a refusal is made once in a run, and ends it"
)]
fn settle(
    emitter: &Emitter,
    request: &ApprovalRequest,
    answer: ApprovalAnswer,
    waiting: Waiting,
) -> Result<Permit, Refusal> {
    resolved(emitter, request.id.clone(), &answer);
    if answer.approved {
        Ok(waiting.approved(because(&answer)))
    } else {
        let by = answer.principal;
        Err(waiting.refused(ApprovalRefused::Denied { by }.into()))
    }
}

/// The question's time is over.
fn over(emitter: &Emitter, request: &ApprovalRequest, waiting: Waiting) -> Refusal {
    emitter.emit(|| EventKind::ApprovalExpired {
        token: request.id.clone(),
    });
    waiting.refused(ApprovalRefused::Expired.into())
}

fn is_expired(fault: &Fault) -> bool {
    matches!(fault.kind(), FaultKind::Approval(ApprovalRefused::Expired))
}

fn because(answer: &ApprovalAnswer) -> String {
    format!("approved by `{}`", answer.principal)
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
