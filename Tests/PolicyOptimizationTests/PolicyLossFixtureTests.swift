import Foundation
import PolicyOptimization
import RunConfiguration
import Testing
import Torch

/// Every objective, aggregation and KL estimator against PyTorch's autograd over whole answers with masks
/// (`scripts/fixtures/make_policy_loss_fixtures.py`, double precision), in one micro-batch and in several.
@Suite struct PolicyLossFixtureTests {
    struct File: Decodable {
        struct Row: Decodable {
            let new, entropy: [Float]
            let old, behaviour, reference, advantages: [Double]
            let mask: [UInt8]
        }
        struct Case: Decodable, CustomStringConvertible {
            let objective, aggregation: String
            let estimator: KLEstimator
            let kl_weight, entropy_weight, clip, clip_high, cap: Double
            let dual_clip: Double?
            let whole_answer: Bool
            let loss, policy_loss, kl: Double
            let gradient, entropy_gradient: [Double]

            var description: String { "\(objective) \(aggregation) \(estimator) \(whole_answer)" }
        }
        let maximum: Int
        let rows: [Row]
        let cases: [Case]
    }

    let file: File

    init() throws {
        let url = URL(filePath: "\(GradientFixtureTests.fixtures)/policy_losses.json")
        file = try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
    }

    func settings(_ one: File.Case) throws -> PolicyLossSettings {
        var settings = PolicyLossSettings()
        settings.objective = try #require(PPOSection.PolicyLoss(rawValue: one.objective))
        switch one.aggregation {
        case "token_mean": settings.aggregation = .tokenMean
        case "sequence_mean": settings.aggregation = .sequenceMean
        default: settings.aggregation = .constantLength(file.maximum)
        }
        settings.clip = one.clip
        settings.clipHigh = one.clip_high
        settings.dualClip = one.dual_clip
        settings.klWeight = one.kl_weight
        settings.klEstimator = one.estimator
        settings.entropyWeight = one.entropy_weight
        settings.behaviourCap = one.cap
        return settings
    }

    func tokens(_ piece: Range<Int>, wholeAnswer: Bool) -> PolicyLoss.Tokens {
        var tokens = PolicyLoss.Tokens()
        for row in file.rows[piece] {
            tokens.old += row.old
            tokens.behaviour += row.behaviour
            tokens.reference += row.reference
            tokens.advantages += wholeAnswer ? row.advantages.map { _ in row.advantages[0] } : row.advantages
            tokens.mask += row.mask
            tokens.lengths.append(row.mask.count)
        }
        return tokens
    }

    @Test(arguments: [[0..<6], [0..<1, 1..<4, 4..<6], [0..<4, 4..<5, 5..<6]])
    func lossAndGradientAreAutograds(pieces: [Range<Int>]) throws {
        #expect(file.cases.count == 21)
        let size = MinibatchSize(file.rows.map(\.mask))
        #expect(size.sequences == 5 && size.tokens == 32)
        for one in file.cases {
            var loss = 0.0
            var gradient: [Double] = []
            var entropyGradient: [Double] = []
            var figures = PolicyFigures()
            for piece in pieces {
                let result = try PolicyLoss(settings(one)).evaluate(
                    new: file.rows[piece].flatMap(\.new), entropy: file.rows[piece].flatMap(\.entropy),
                    tokens: tokens(piece, wholeAnswer: one.whole_answer), size: size)
                loss += result.loss
                gradient += result.gradient.map(Double.init)
                entropyGradient += result.entropyGradient.map(Double.init)
                figures += result.figures
            }
            #expect(abs(loss - one.loss) < 1e-12, "\(one): loss")
            #expect(PublishedNumbers.close(gradient, one.gradient, 1e-7), "\(one): gradient")
            #expect(PublishedNumbers.close(entropyGradient, one.entropy_gradient, 1e-9), "\(one): entropy")
            // What is reported is what is trained.
            #expect(abs(figures.mean(\.policyLoss) - one.policy_loss) < 1e-12, "\(one): reported loss")
            if one.kl_weight != 0 { #expect(abs(figures.mean(\.klLoss) - one.kl) < 1e-12, "\(one): reported KL") }
            #expect(figures.tokens == 32 && figures.clipped > 0, "\(one): the case must reach the clip")
        }
    }

    @Test func answersThatDoNotMakeUpTheTokensAreRefused() {
        for lengths in [[1], [6, 9, 1, 12, 4, 8], [40, -1], [39, 1]] {
            var tokens = tokens(0..<6, wholeAnswer: false)
            tokens.lengths = lengths
            #expect(throws: PolicyOptimizationError.self) {
                try PolicyLoss(PolicyLossSettings()).evaluate(
                    new: file.rows.flatMap(\.new), entropy: [], tokens: tokens,
                    size: MinibatchSize(file.rows.map(\.mask)))
            }
        }
    }

    @Test(arguments: KLEstimator.allCases) func slopesAreTheEstimatorsDerivatives(estimator: KLEstimator) {
        for x in [-3, -0.5, -1e-3, 0, 1e-3, 0.5, 3] {
            let central = (estimator(x + 1e-6, 0) - estimator(x - 1e-6, 0)) / 2e-6
            #expect(abs(estimator.slope(x, 0) - central) < 1e-7 * max(1, abs(central)))
        }
        // Deep in the tail the value is finite, and so is its slope.
        #expect(estimator.slope(-2000, 0).isFinite)
    }

    /// Equation 5 of GSPO by hand: two tokens, log-ratios 0.1 and 0.3, so the answer's ratio is exp(0.2).
    @Test func theRatioOfAnAnswerIsAGeometricMean() throws {
        var tokens = PolicyLoss.Tokens()
        tokens.old = [-1, -2, -50]
        tokens.behaviour = tokens.old
        tokens.reference = tokens.old
        tokens.advantages = [1, 1, 1]
        tokens.mask = [1, 1, 0]
        tokens.lengths = [3]
        var settings = PolicyLossSettings()
        settings.objective = .gspo
        settings.aggregation = .sequenceMean
        settings.clip = 0.5
        let result = try PolicyLoss(settings).evaluate(
            new: [-0.9, -1.7, -1], entropy: [], tokens: tokens, size: MinibatchSize(tokens: 2, sequences: 1))
        #expect(abs(result.loss + exp(0.2)) < 1e-6)
        #expect(abs(result.figures.maximumRatio - exp(0.2)) < 1e-6)
        settings.clip = 3e-4
        settings.clipHigh = 4e-4
        let clipped = try PolicyLoss(settings).evaluate(
            new: [-0.9, -1.7, -1], entropy: [], tokens: tokens, size: MinibatchSize(tokens: 2, sequences: 1))
        #expect(abs(clipped.loss + 1.0004) < 1e-9)
        #expect(clipped.gradient == [0, 0, 0] && clipped.figures.clipped == 2)
    }
}
