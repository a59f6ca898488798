from b2grid.html import Html


def draw(recipe):
    return Html("")
