//! Property test: the sums of memory stay within the budget for any order of events.

use proptest::prelude::*;

use super::*;

/// An event at a worker.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A ticket is presented, with an input of this many MiB.
    Admit(u64),
    /// The input of the nth waiting job arrives; its pictures take this many MiB.
    Enqueue(usize, u64),
    Begin,
    /// The nth running job succeeds or fails; its carrier is half as large as its pictures.
    End(usize, bool),
    /// The client of the nth job disconnects.
    Leave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..60u64).prop_map(Step::Admit),
        (any::<usize>(), 0..=10u64).prop_map(|(n, pictures)| Step::Enqueue(n, pictures)),
        Just(Step::Begin),
        (any::<usize>(), any::<bool>()).prop_map(|(n, done)| Step::End(n, done)),
        any::<usize>().prop_map(Step::Leave),
    ]
}

/// The admission control under test, and its jobs by state.
struct Model {
    control: AdmissionControl<u64>,
    tickets: usize,
    uploading: Vec<TicketId>,
    running: Vec<(TicketId, u64)>,
    admissions: Vec<Admitted>,
    now: Instant,
}

impl Model {
    fn take(&mut self, step: Step) {
        match step {
            Step::Admit(mib) => {
                self.tickets += 1;
                if let Ok(admission) =
                    self.control
                        .admit(id(self.tickets), claim(self.tickets, mib * MIB), self.now)
                {
                    self.uploading.push(admission.ticket);
                    self.admissions.push(admission);
                }
            }
            Step::Enqueue(n, mib) => {
                if let Some(ticket) = pick(&mut self.uploading, n) {
                    self.control.enqueue(ticket, mib, mib * MIB);
                }
            }
            Step::Begin => {
                let begun = self.control.begin(self.now);
                self.running.extend(begun);
            }
            Step::End(n, good) => {
                if let Some((ticket, mib)) = pick(&mut self.running, n) {
                    let done = done(1, mib * MIB / 2).filter(|_| good);
                    self.control.end(ticket, done, self.now);
                }
            }
            Step::Leave(n) => {
                if let Some(admission) = pick(&mut self.admissions, n) {
                    self.uploading.retain(|ticket| *ticket != admission.ticket);
                    self.control.cancel(admission, self.now);
                }
            }
        }
    }
}

fn pick<T>(of: &mut Vec<T>, n: usize) -> Option<T> {
    (!of.is_empty()).then(|| of.swap_remove(n % of.len()))
}

proptest! {
    #[test]
    fn the_sums_stay_within_the_budget_and_return_to_zero(
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut model = Model {
            control: AdmissionControl::new(1, 1000, BUDGET),
            tickets: 0,
            uploading: Vec::new(),
            running: Vec::new(),
            admissions: Vec::new(),
            now: Instant::now(),
        };
        for step in steps {
            model.take(step);
            let taken = model.control.taken();
            prop_assert!(taken.inputs <= BUDGET.inputs && taken.pictures <= BUDGET.pictures);
        }
        // Every waiting job runs once those before it have ended and been fetched.
        for _ in 0..=MAX_HELD {
            model.take(Step::Enqueue(0, 10));
            model.take(Step::End(0, true));
            model.take(Step::Begin);
            let sending = |held: &Held| matches!(held.phase, Phase::Sending { .. });
            let done: Vec<Admitted> = model.admissions.iter().copied()
                .filter(|a| model.control.held.get(&a.ticket).is_some_and(sending))
                .collect();
            for admission in done {
                model.control.cancel(admission, model.now);
            }
        }
        prop_assert_eq!(model.control.held(), 0);
        prop_assert_eq!(model.control.taken(), MemoryUse::default());
    }
}
