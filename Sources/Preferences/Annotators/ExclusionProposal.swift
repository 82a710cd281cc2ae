import Foundation

/// An annotator whose votes are probably worth nothing, with the evidence. A person decides: nothing is left out by itself.
package struct ExclusionProposal: Sendable, Equatable {
    package enum Reason: String, Sendable, CaseIterable {
        /// Prefers one side whatever stands there.
        case oneSide = "always one side"
        /// Prefers what others, or the control questions, find worse.
        case adversarial
        /// Votes that have nothing to do with the answers.
        case random
    }

    package let annotator: String
    package let reason: Reason
    /// Sentences with the figures.
    package let evidence: [String]

    /// Votes below which no judgement is made.
    package static let fewestVotes = 20

    /// - Parameters:
    ///   - facts: of all annotators.
    ///   - model: fitted to the same votes.
    package static func find(_ facts: [AnnotatorFacts], _ model: AnnotatorModel) -> [ExclusionProposal] {
        let models = Dictionary(model.annotators.map { ($0.name, $0) }) { first, _ in first }
        return facts.compactMap { facts in
            guard let line = models[facts.name], facts.votes >= fewestVotes,
                let reason = reason(facts, line, hasOthers: model.annotators.count > 1)
            else { return nil }
            return ExclusionProposal(annotator: facts.name, reason: reason, evidence: evidence(facts, line))
        }
    }

    private static func reason(
        _ facts: AnnotatorFacts, _ line: AnnotatorModel.Annotator, hasOthers: Bool
    ) -> Reason? {
        guard !facts.areSidesFixed else {
            // Habit, skill and the quality of what stands on a side cannot be told apart; what others say of the same pairs can.
            return facts.agreementBeyondChance.map { $0 < -3 } == true ? .adversarial : nil
        }
        if isOneSided(facts) { return .oneSide }
        guard hasOthers || facts.gold > 0 else { return nil }
        let direct = [facts.agreementBeyondChance, facts.goldBeyondChance].compactMap(\.self)
        // One sided, at 1 % each.
        if line.skill + 2.33 * line.skillError < 0, direct.allSatisfy({ $0 < 0 }) { return .adversarial }
        // The skill cannot be told from none at 0.1 %, and one of even the mean would have shown.
        if line.skill - 3.09 * line.skillError < 0, line.skill + 3 * line.skillError < 1, direct.allSatisfy({ $0 < 3 })
        {
            return .random
        }
        return nil
    }

    /// Nine of ten preferences on a side, and five standard deviations from one half: answers on shuffled sides do not
    /// do that.
    private static func isOneSided(_ facts: AnnotatorFacts) -> Bool {
        let decisive = facts.left + facts.right
        guard decisive >= fewestVotes, let share = facts.leftShare else { return false }
        return abs(share - 0.5) >= 0.4 && abs(share - 0.5) * 2 * Double(decisive).squareRoot() > 5 - 1e-9
    }

    private static func evidence(_ facts: AnnotatorFacts, _ line: AnnotatorModel.Annotator) -> [String] {
        var lines = [
            String(
                format: "skill %.2f (%.2f to %.2f), where 1 is the mean and 0 is chance", line.skill,
                line.skill - StudentT.normal975 * line.skillError, line.skill + StudentT.normal975 * line.skillError)
        ]
        if let share = facts.leftShare {
            lines.append(
                String(format: "%.0f %% of %d preferences for the left side", share * 100, facts.left + facts.right))
        }
        if facts.gold > 0 { lines.append("\(facts.goldRight) of \(facts.gold) control questions right") }
        if let early = facts.agreementEarly, let late = facts.agreementLate {
            let (agreeing, all) = (early.agreeing + late.agreeing, early.all + late.all)
            lines.append("agrees with most others on \(agreeing) of \(all) pairs, where chance gives one half")
        }
        if facts.timed > 0, facts.tooFast * 2 > facts.timed {
            lines.append("\(facts.tooFast) of \(facts.timed) votes faster than the answers can be read")
        }
        return lines
    }
}
