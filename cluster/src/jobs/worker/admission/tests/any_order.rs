//! Whatever happens in whatever order, the sums of memory hold.

use proptest::prelude::*;

use super::*;

/// What may happen to a worker.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A ticket comes, with an input of so many MiB.
    Admit(u64),
    /// The input of the nth job that waits for it comes; its pictures take so many MiB.
    Enqueue(usize, u64),
    Begin,
    /// The nth job that runs is done, or not; its carrier is half of its pictures.
    End(usize, bool),
    /// The client of the nth job goes.
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

/// Jobs by what they wait for, and the control that is tried.
struct Model {
    control: AdmissionControl<u64>,
    tickets: usize,
    uploading: Vec<TicketId>,
    running: Vec<(TicketId, u64)>,
    admissions: Vec<Admission>,
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
                    self.control.give_up(admission, self.now);
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
    fn the_sums_stay_within_the_budget_and_come_back_to_nothing(
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
        // Whatever waits gets its turn once those before it have ended and were taken.
        for _ in 0..=MAX_HELD {
            model.take(Step::Enqueue(0, 10));
            model.take(Step::End(0, true));
            model.take(Step::Begin);
            let sending = |held: &Held| matches!(held.phase, Phase::Sending { .. });
            let done: Vec<Admission> = model.admissions.iter().copied()
                .filter(|a| model.control.held.get(&a.ticket).is_some_and(sending))
                .collect();
            for admission in done {
                model.control.give_up(admission, model.now);
            }
        }
        prop_assert_eq!(model.control.held(), 0);
        prop_assert_eq!(model.control.taken(), Taken::default());
    }
}
