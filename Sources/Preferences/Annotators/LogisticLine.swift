/// P(y) = sigma(slope x + offset) for one annotator, with the prior slope ~ N(1, 1), offset ~ N(0, 1).
struct LogisticLine: Sendable, Equatable {
    struct Point {
        var x: Double
        var y: Double
        var weight: Double
    }

    var slope = 1.0
    var offset = 0.0
    var slopeError = 1.0
    var offsetError = 1.0

    /// Newton's method; the posterior is concave.
    static func fit(_ points: [Point], from start: LogisticLine) -> LogisticLine {
        var line = start
        for _ in 0..<50 {
            var (slope, offset) = (1 - line.slope, -line.offset)
            var (aa, ab, bb) = (1.0, 0.0, 1.0)
            for point in points {
                let p = Logistic.sigma(line.slope * point.x + line.offset)
                let (rest, information) = (point.weight * (point.y - p), point.weight * p * (1 - p))
                slope += rest * point.x
                offset += rest
                aa += information * point.x * point.x
                ab += information * point.x
                bb += information
            }
            let determinant = aa * bb - ab * ab
            let steps = ((bb * slope - ab * offset) / determinant, (aa * offset - ab * slope) / determinant)
            // A full step from far away may overshoot.
            let size = max(abs(steps.0), abs(steps.1))
            let scale = size > 2 ? 2 / size : 1
            line.slope += scale * steps.0
            line.offset += scale * steps.1
            line.slopeError = (bb / determinant).squareRoot()
            line.offsetError = (aa / determinant).squareRoot()
            if size < 1e-9 { break }
        }
        return line
    }
}
