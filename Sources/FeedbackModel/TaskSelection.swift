/// A task that a person could be given now.
package struct OpenTask: Sendable, Equatable {
    package let task: TaskID
    package let kind: TaskKind
    package let prompt: PromptID
    package let answers: [AnswerID]
    /// How many people have answered.
    package let votes: Int
    /// How many people are to answer.
    package let wanted: Int
}

/// Decides which task is worth asking next.
package protocol TaskSelection: Sendable {
    /// - Parameter open: tasks that the person may be given, never empty; a sample where there are many.
    /// - Returns: the place of the chosen one in `open`.
    func choose(among open: [OpenTask], random: inout some RandomNumberGenerator) -> Int
}

/// A random task, one that others have answered already before any other, so that overlaps are filled soon.
package struct RandomTaskSelection: TaskSelection {
    package init() {}

    package func choose(among open: [OpenTask], random: inout some RandomNumberGenerator) -> Int {
        let begun = open.indices.filter { open[$0].votes > 0 }
        return begun.randomElement(using: &random) ?? Int.random(in: open.indices, using: &random)
    }
}
