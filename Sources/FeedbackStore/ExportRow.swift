import FeedbackModel
import Foundation

/// A line of an export. Every kind has the keys of ``Head``; the others belong to its kind.
struct ExportRow: Encodable {
    struct Side: Encodable, Equatable {
        var id: String
        var source: String
        var text: String
    }

    struct Sides<Value: Encodable>: Encodable {
        var left: Value
        var right: Value
    }

    // Every kind.
    var kind: String
    var task: String
    var promptId: String
    var prompt: String
    var messages: [TaskTexts.Turn]?
    var annotator: String
    var shownAt: String
    var votedAt: String
    var seconds: Double
    var idleSeconds: Double
    var comment: String
    var reason: String
    var gold: Bool
    /// Whether a lead settled a disagreement by it.
    var adjudication: Bool

    // Pairs.
    var left: Side?
    var right: Side?
    var verdict: String?
    var strength: Int?
    var flags: Sides<[String]>?
    /// The known outcome of a gold question, by the sides as shown.
    var expected: String?

    // Rankings, ratings and skips of them: answers in the order shown.
    var answers: [Side]?
    var ranking: [[String]]?
    var ratings: [String: [String: Int]]?
    var answerFlags: [String: [String]]?

    // Demonstrations.
    var completion: String?
    var corrects: Side?
    var reviewer: String?
    var review: String?

    static func time(_ time: UnixMilliseconds) -> String {
        Date(timeIntervalSince1970: Double(time) / 1000).formatted(
            Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
