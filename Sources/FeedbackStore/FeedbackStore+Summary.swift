import FeedbackModel

/// Sums of a store for a person who looks in from a terminal.
package struct FeedbackSummary: Sendable, Codable, Equatable {
    package struct Person: Sendable, Codable, Equatable {
        package var name: String
        package var pseudonym: String
        package var isLead: Bool
        package var isRevoked: Bool
        package var votes: Int
        package var skips: Int
        package var seconds: Double
        package var goldRight: Int
        package var goldAnswered: Int
    }

    package var tasks: Int
    package var votes: Int
    package var wanted: Int
    package var skips: Int
    package var expiredLeases: Int
    package var openLeases: Int
    package var disputed: Int
    package var people: [Person]
}

extension FeedbackStore {
    package func summary() throws -> FeedbackSummary {
        let (state, settings, _) = try load()
        let names = Dictionary(try people().map { ($0.id, $0) }) { $1 }
        let machine = LabelMachine(settings: settings, state: state)
        let totals = machine.progress(of: PersonID(0))
        return FeedbackSummary(
            tasks: state.tasks.count, votes: totals.votes, wanted: totals.wanted,
            skips: state.acts.count { $0.withdrawnAt == nil && $0.judgement.isSkip },
            expiredLeases: state.expiries.values.reduce(0, +), openLeases: state.leases.count,
            disputed: machine.disputes.count,
            people: machine.peopleSummaries.map { summary in
                let record = names[summary.person.id]
                return FeedbackSummary.Person(
                    name: record?.name ?? "", pseudonym: summary.person.pseudonym, isLead: summary.person.isLead,
                    isRevoked: !summary.person.isActive, votes: summary.progress.mine,
                    skips: summary.progress.mySkips, seconds: summary.seconds, goldRight: summary.goldRight,
                    goldAnswered: summary.goldAnswered)
            })
    }
}
