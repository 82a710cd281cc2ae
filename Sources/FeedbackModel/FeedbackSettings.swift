/// How a labelling project works. Kept in its store.
package struct FeedbackSettings: Sendable, Equatable, Codable {
    /// Shown above the task.
    package var title = "Compare answers"
    /// Markdown that stands beside every task.
    package var guidelines = ""
    /// How many people are asked each question.
    package var overlap = 1
    /// How long a task is kept for the person who has it, in seconds. Activity renews it.
    package var leaseSeconds = 900
    /// Share of the tasks that ask for a written reason.
    package var reasonShare = 0.0
    /// One task in so many is a gold question; 0: none.
    package var goldEvery = 0
    /// Share of the entry test that has to be right.
    package var passShare = 0.7
    /// Problems that an answer can be flagged with.
    package var flags = ["made_up_fact", "fails_task", "unsafe", "other"]
    /// What answers are rated by, each from 1 to ``highestScore``.
    package var criteria = ["helpful", "correct", "clear"]
    package var highestScore = 5

    package init() {}

    /// Answers that can be ranked at once.
    package static let mostRanked = 6
    /// Bytes of a text that a person writes.
    package static let longestText = 100_000

    /// - Returns: what cannot work, or nil.
    package var problem: String? {
        if !(1...100).contains(overlap) { return "overlap must be from 1 to 100" }
        if !(10...86_400).contains(leaseSeconds) { return "a lease must be from 10 seconds to a day" }
        if !(0...1).contains(reasonShare) { return "the share of reasons must be from 0 to 1" }
        if !(0...1).contains(passShare) { return "the share to pass must be from 0 to 1" }
        if goldEvery < 0 { return "gold questions: give a number from 0" }
        if !(2...10).contains(highestScore) { return "the highest score must be from 2 to 10" }
        if criteria.isEmpty || criteria.count > 12 { return "give 1 to 12 criteria" }
        if flags.count > 12 { return "give at most 12 flags" }
        for names in [criteria, flags] {
            if Set(names).count < names.count { return "a criterion or flag is there twice" }
            if names.contains(where: { $0.isEmpty || $0.utf8.count > 60 }) {
                return "names of criteria and flags have 1 to 60 bytes"
            }
        }
        return nil
    }
}
