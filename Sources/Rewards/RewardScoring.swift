import Synchronization

/// What a reward made of the answers of a job: its values, all finite, and why some are missing.
package struct RewardScoring: Sendable, Equatable {
    /// Notes of a job that travel with its result; the log has them all.
    package static let notesKept = 20
    /// Of a single note; foreign texts in it are shorter.
    private static let longestNote = 1000

    package var values: [Float?]
    /// How many values are missing; nil when none is.
    package var summary: String?
    package var notes: [String]

    /// Asks a reward. A score that is not finite costs its answer alone.
    ///
    /// - Parameters:
    ///   - progress: renews the lease (``RewardContext/progress``).
    ///   - log: hears each note when it comes, since a reward may try again for a long time.
    /// - Throws: what the reward throws; ``RewardError`` when it gave not one value for each answer.
    package init(
        of reward: any RewardFunction, _ inputs: [RewardInput], progress: @escaping @Sendable () -> Bool,
        log: @escaping @Sendable (String) -> Void
    ) async throws {
        let notes = Mutex<[String]>([])
        let context = RewardContext(
            progress: progress,
            note: { text in
                let text = Self.named(text, reward.name).excerpt(Self.longestNote)
                notes.withLock { $0.append(text) }
                log(text)
            })
        let values = try await reward.score(inputs, context: context)
        guard values.count == inputs.count else {
            throw RewardError(
                "reward \(reward.name): \(values.count) values came for \(inputs.count) answers", isPermanent: true)
        }
        self.init(name: reward.name, values, notes: notes.withLock { $0 })
    }

    /// Who reads the notes of all rewards must see whose each is.
    private static func named(_ note: String, _ name: String) -> String {
        note.hasPrefix("reward \(name)") ? note : "reward \(name): \(note)"
    }

    /// - Parameter values: as they were computed; those that are not finite are taken out, which a note says.
    package init(name: String, _ values: [Float?], notes: [String] = []) {
        self.values = values.map { $0.flatMap { $0.isFinite ? $0 : nil } }
        let missing = self.values.count { $0 == nil }
        self.notes = missing > 0 ? notes : []
        summary = missing > 0 ? "reward \(name) failed for \(missing) of \(values.count) answers" : nil
        guard let index = values.firstIndex(where: { $0.map { !$0.isFinite } ?? false }), let value = values[index]
        else { return }
        let count = values.count { $0.map { !$0.isFinite } ?? false }
        self.notes.append(
            "reward \(name): \(count) scores are not finite; that of answer \(index) is \(value)")
    }

    /// What a job's result says of all its rewards: which have missing values, how much is left out, then the first notes of
    /// each reward. The last one is quoted, so that it has to be a cause.
    package static func errors(_ parts: [RewardScoring]) -> [String] {
        let share = max(1, notesKept / max(1, parts.count { !$0.notes.isEmpty }))
        let notes = parts.flatMap { $0.notes.prefix(share) }
        let more = parts.reduce(0) { $0 + $1.notes.count } - notes.count
        return parts.compactMap(\.summary) + (more > 0 ? ["\(more) more notes are in the scorer's log"] : []) + notes
    }
}
