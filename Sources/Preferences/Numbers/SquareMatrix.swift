/// A dense square matrix, row by row.
package struct SquareMatrix: Sendable, Equatable {
    package let order: Int
    package var values: [Double]

    package init(order: Int) {
        self.order = order
        values = [Double](repeating: 0, count: order * order)
    }

    package subscript(row: Int, column: Int) -> Double {
        get { values[row * order + column] }
        set { values[row * order + column] = newValue }
    }

    package func times(_ vector: [Double]) -> [Double] {
        (0..<order).map { row in (0..<order).reduce(0) { $0 + self[row, $1] * vector[$1] } }
    }

    package func times(_ other: SquareMatrix) -> SquareMatrix {
        var product = SquareMatrix(order: order)
        for row in 0..<order {
            for inner in 0..<order where self[row, inner] != 0 {
                let factor = self[row, inner]
                for column in 0..<order { product[row, column] += factor * other[inner, column] }
            }
        }
        return product
    }

    /// - Returns: nil when the matrix is not positive definite, as far as its digits tell.
    package func cholesky() -> Cholesky? { Cholesky(self) }
}

/// The lower triangle L of a symmetric positive definite matrix L L'.
package struct Cholesky: Sendable {
    package private(set) var lower: SquareMatrix

    fileprivate init?(_ matrix: SquareMatrix) {
        lower = SquareMatrix(order: matrix.order)
        for column in 0..<matrix.order {
            var pivot = matrix[column, column]
            for inner in 0..<column { pivot -= lower[column, inner] * lower[column, inner] }
            guard pivot > 1e-13 * abs(matrix[column, column]), pivot.isFinite else { return nil }
            let root = pivot.squareRoot()
            lower[column, column] = root
            for row in column + 1..<max(matrix.order, column + 1) {
                var value = matrix[row, column]
                for inner in 0..<column { value -= lower[row, inner] * lower[column, inner] }
                lower[row, column] = value / root
            }
        }
    }

    package func solve(_ right: [Double]) -> [Double] {
        var solution = right
        for row in 0..<lower.order {
            for inner in 0..<row { solution[row] -= lower[row, inner] * solution[inner] }
            solution[row] /= lower[row, row]
        }
        for row in stride(from: lower.order - 1, through: 0, by: -1) {
            for inner in row + 1..<max(lower.order, row + 1) { solution[row] -= lower[inner, row] * solution[inner] }
            solution[row] /= lower[row, row]
        }
        return solution
    }

    package func inverse() -> SquareMatrix {
        var inverse = SquareMatrix(order: lower.order)
        for column in 0..<lower.order {
            var unit = [Double](repeating: 0, count: lower.order)
            unit[column] = 1
            for (row, value) in solve(unit).enumerated() { inverse[row, column] = value }
        }
        return inverse
    }
}
