"""Plain Python against which the metrics are held."""


def iou(a, b):
    inside = min(a[2], b[2]) - max(a[1], b[1])
    return inside / ((a[2] - a[1]) + (b[2] - b[1]) - inside) if inside > 0 else 0.0
