"""Figures: functions that draw on `ax` and return it, and the pictures that commands write.

`pixels` has any part of an image as pixels, `images` localizations and outlines, `overview` an
analysed image, `space` images in 3D, `descriptors` what clusters are like, `networks` how networks
learnt and how well they do, `surfaces` how dense an image is and how probable ways to cluster it
are, `conditions` cells of several conditions, `recordings` how a sample drifted, `spatial` how
localizations are spread, `channels` two channels of one image; `style` says how all of them look.
"""

from caml.plot.channels import (
    channel_overview,
    colocalization_histogram,
    save_channels,
    two_channels,
)
from caml.plot.conditions import conditions, save_conditions
from caml.plot.descriptors import (
    area_against_localizations,
    descriptor_histogram,
    distribution,
)
from caml.plot.images import density, image_axes, localizations, outlines, scale_bar
from caml.plot.networks import (
    calibration,
    confusion_matrix,
    input_heat_map,
    learning_curves,
    precision_recall,
    roc,
    save_input_map,
    save_scores,
    save_training,
    score_histogram,
)
from caml.plot.overview import analysed, overview, save_overview
from caml.plot.pixels import density_rgba, kinds_rgba, pixel_counts, pixel_means, values_rgba
from caml.plot.recordings import drift, save_drift
from caml.plot.space import localizations_3d, three_sides
from caml.plot.spatial import radial_function, save_surveys, surveys
from caml.plot.style import style
from caml.plot.surfaces import plot_l_surface, plot_score_surface

__all__ = [
    "analysed",
    "area_against_localizations",
    "calibration",
    "channel_overview",
    "colocalization_histogram",
    "conditions",
    "confusion_matrix",
    "density",
    "density_rgba",
    "descriptor_histogram",
    "distribution",
    "drift",
    "image_axes",
    "input_heat_map",
    "kinds_rgba",
    "learning_curves",
    "localizations",
    "localizations_3d",
    "outlines",
    "overview",
    "pixel_counts",
    "pixel_means",
    "plot_l_surface",
    "plot_score_surface",
    "precision_recall",
    "radial_function",
    "roc",
    "save_channels",
    "save_conditions",
    "save_drift",
    "save_input_map",
    "save_overview",
    "save_scores",
    "save_surveys",
    "save_training",
    "scale_bar",
    "score_histogram",
    "style",
    "surveys",
    "three_sides",
    "two_channels",
    "values_rgba",
]
