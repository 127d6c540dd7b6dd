//! Going on with what was answered, without the token of the question.

use std::sync::PoisonError;

use super::{ApprovalDesk, USED, expired, read, read_answer};
use crate::guard::Waiting;
use crate::types::{
    ApprovalAnswer, ApprovalRequest, Asked, Clock, Digest, Fault, QuestionState, Token,
};

/// How many questions about the same action are looked at, for one that is approved.
const MOST_ABOUT: usize = 100;

/// What the desk has about an action that somebody was asked about before.
#[derive(Debug)]
pub(crate) enum Answered {
    /// It may run; the approval is used up.
    Approved(ApprovalRequest, ApprovalAnswer),
    /// The question still waits for an answer.
    Waits(ApprovalRequest),
    /// Nothing that would let it run.
    Nothing,
}

impl ApprovalDesk {
    /// Asks, unless the same is asked already: then the question that waits, and nothing is asked.
    pub(crate) fn join(
        &self,
        request: &ApprovalRequest,
        token: &Token,
        clock: &dyn Clock,
    ) -> Result<Option<ApprovalRequest>, Fault> {
        let _joining = self
            .0
            .joining
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let waits = self
            .about(request.decision, clock)?
            .into_iter()
            .find(|(known, answer)| answer.is_none() && known.principal == request.principal);
        if let Some((known, _)) = waits {
            return Ok(Some(known));
        }
        self.ask(request, token, clock)?;
        Ok(None)
    }

    /// Uses an approval up that somebody gave for this very action, whatever its token is.
    ///
    /// # Errors
    ///
    /// A fault of the store.
    pub(crate) fn redeem_answered(
        &self,
        waiting: &Waiting,
        clock: &dyn Clock,
    ) -> Result<Answered, Fault> {
        let now = clock.timestamp();
        let mut waits = None;
        for (request, answer) in self.about(waiting.decision(), clock)? {
            // The hash says so already; what it is made of is compared all the same.
            if request.principal != waiting.action().principal
                || Some(request.policy_set) != waiting.permitted().verdict.policy_set
            {
                continue;
            }
            match answer {
                Some(answer) if answer.approved => {
                    if self.use_up(&request, now)? {
                        return Ok(Answered::Approved(request, answer));
                    }
                }
                Some(_) => {}
                None => waits = waits.or(Some(request)),
            }
        }
        Ok(waits.map_or(Answered::Nothing, Answered::Waits))
    }

    /// Questions about the action with this hash that are not over, newest first, with their answers.
    fn about(
        &self,
        decision: Digest,
        clock: &dyn Clock,
    ) -> Result<Vec<(ApprovalRequest, Option<ApprovalAnswer>)>, Fault> {
        let now = clock.timestamp();
        let found = self.0.store.about(&decision.to_string(), now, MOST_ABOUT)?;
        let mut questions = Vec::new();
        for Asked {
            token,
            request,
            answer,
        } in found
        {
            let request = read(&token, &request)?;
            if request.decision == decision && !expired(&request, now, clock) {
                let answer = answer.map(|answer| read_answer(&token, &answer));
                questions.push((request, answer.transpose()?));
            }
        }
        Ok(questions)
    }

    /// What became of the question with this id, as [`Fault::question`] has it. It may be something else as
    /// soon as this is answered.
    ///
    /// # Errors
    ///
    /// A fault if the store cannot be read, or holds what is no question.
    pub fn state(&self, id: &str, clock: &dyn Clock) -> Result<QuestionState, Fault> {
        let Some(request) = self.request(id)? else {
            return Ok(QuestionState::Unknown);
        };
        let over = expired(&request, clock.timestamp(), clock);
        Ok(match self.answer_to(id)? {
            None if over => QuestionState::Expired,
            None => QuestionState::Waiting,
            Some(answer) if !answer.approved => QuestionState::Denied {
                by: answer.principal,
                reason: answer.reason,
            },
            Some(_) if self.0.store.spent(USED, id)? => QuestionState::Used,
            Some(_) if over => QuestionState::Late,
            Some(_) => QuestionState::Approved,
        })
    }
}
