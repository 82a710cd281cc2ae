package import Foundation
import Preferences

extension FeedbackReport {
    private struct Rating: Encodable {
        var value: Double
        var low: Double?
        var high: Double?

        init(_ rating: Leaderboard.Rating) {
            value = rating.value
            low = rating.low.flatMap { $0.isFinite ? $0 : nil }
            high = rating.high.flatMap { $0.isFinite ? $0 : nil }
        }
    }

    private struct Source: Encodable {
        var source: String
        var set: Int?
        var rating: Rating?
        var unrated: String?
        var bestRank: Int?
        var worstRank: Int?
        var styleControlled: Rating?
        var davidson: Double?
        var elo: Double
        var meanShare: Double?
        var winShare: Double?
        var battles: Int
        var ties: Int

        init(_ row: Leaderboard.Row) {
            source = row.name
            set = row.set
            rating = row.rating.map { Rating($0) }
            unrated = row.unrated
            (bestRank, worstRank) = (row.ranks?.lowerBound, row.ranks?.upperBound)
            styleControlled = row.styled.map { Rating($0) }
            davidson = row.davidson
            elo = row.elo
            (meanShare, winShare) = (row.scoreRate, row.winRate)
            (battles, ties) = (row.battles, row.ties)
        }
    }

    private struct Annotator: Encodable {
        var annotator: String
        var votes: Int
        var skips: Int
        var skill: Double?
        var skillError: Double?
        var sideBias: Double?
        var rightVerdicts: Double?
        var leftShare: Double?
        var longerShare: Double?
        var goldRight: Int
        var gold: Int
        var medianSeconds: Double?
        var payableSeconds: Double
        var proposedFor: String?
        var evidence: [String]?
    }

    private struct AgreementFigures: Encodable {
        var pairs: Int
        var observed: Double?
        var chance: Double?
        var preferences: Double?
        var kappa: Double?
        var alpha: [String: Double]

        init(_ agreement: Agreement) {
            pairs = agreement.pairs
            (observed, chance, preferences) = (agreement.observed, agreement.chance, agreement.decisive)
            kappa = agreement.kappa
            alpha = Dictionary(uniqueKeysWithValues: agreement.alpha.map { ($0.key.rawValue, $0.value) })
        }
    }

    private struct Finding: Encodable {
        var kind: String
        var text: String
    }

    private struct Whole: Encodable {
        var votes: Int
        var uses: [String: Int]
        var findings: [Finding]
        var leaderboard: [Source]?
        var davidsonNu: Double?
        var style: [String: Double]?
        var byAnnotator: [String: [Source]]
        var agreement: AgreementFigures
        var agreementWithoutProposed: AgreementFigures?
        var annotators: [Annotator]
    }

    /// Every figure as it is, for programs.
    package func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let models = Dictionary((analysis.model?.annotators ?? []).map { ($0.name, $0) }) { first, _ in first }
        let proposals = Dictionary(analysis.proposals.map { ($0.annotator, $0) }) { first, _ in first }
        return try encoder.encode(
            Whole(
                votes: analysis.rows,
                uses: Dictionary(uniqueKeysWithValues: analysis.uses.map { ($0.name, $0.count) }),
                findings: analysis.check.findings.map { Finding(kind: $0.kind.rawValue, text: $0.text) },
                leaderboard: analysis.board.map { $0.rows.map { Source($0) } }, davidsonNu: analysis.board?.nu,
                style: analysis.board?.style.map { style in
                    Dictionary(uniqueKeysWithValues: style.map { ($0.name, $0.coefficient) })
                },
                byAnnotator: Dictionary(
                    uniqueKeysWithValues: analysis.boards.map { ($0.annotator, $0.board.rows.map { Source($0) }) }),
                agreement: AgreementFigures(analysis.agreement),
                agreementWithoutProposed: analysis.agreementWithoutProposed.map { AgreementFigures($0) },
                annotators: analysis.facts.map { facts in
                    let (line, proposal) = (models[facts.name], proposals[facts.name])
                    return Annotator(
                        annotator: facts.name, votes: facts.votes, skips: facts.skips, skill: line?.skill,
                        skillError: line?.skillError, sideBias: line?.sideBias,
                        rightVerdicts: analysis.accuracies?[facts.name], leftShare: facts.leftShare,
                        longerShare: facts.length.rate, goldRight: facts.goldRight, gold: facts.gold,
                        medianSeconds: facts.medianSeconds, payableSeconds: facts.payableSeconds,
                        proposedFor: proposal?.reason.rawValue, evidence: proposal?.evidence)
                }))
    }
}
