"""Sites name a component and a layer, and sort as a forward pass reaches them."""

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerstack.errors import SiteError
from steerstack.steering.site import COMPONENTS, Site

sites = st.builds(Site, st.sampled_from(COMPONENTS), st.integers(0, 200))


@given(sites)
def test_text_reads_back_as_the_same_site(site):
    assert Site.parse(str(site)) == site


def test_the_forward_pass_goes_through_a_block_and_then_the_next():
    walk = [Site(component, layer) for layer in range(11) for component in COMPONENTS]
    mixed = sorted(walk, key=str)
    assert mixed != walk
    assert sorted(mixed, key=lambda site: site.order) == walk
    assert COMPONENTS == ("resid_pre", "head_out", "attn_out", "mlp_out", "resid_post")


def test_an_unknown_component_suggests_the_nearest():
    with pytest.raises(SiteError, match="did you mean 'resid_post'"):
        Site("resid_pst", 0)


def test_layers_count_from_zero():
    assert Site("mlp_out", 0).layer == 0
    with pytest.raises(SiteError, match="Layer -1 is negative"):
        Site("mlp_out", -1)


@pytest.mark.parametrize(
    "text", ["", "12", "resid_post", "resid_post.", "resid_post.-1", "resid_post.x", ".3", "a.b.3"]
)
def test_what_is_not_a_site_is_refused(text):
    with pytest.raises(SiteError):
        Site.parse(text)


def test_a_superscript_is_not_a_layer():
    with pytest.raises(SiteError):
        Site.parse("resid_post.²")


def test_sites_are_frozen_and_equal_by_content():
    site = Site("attn_out", 3)
    with pytest.raises(FrozenInstanceError):
        site.layer = 4
    assert {site, Site("attn_out", 3), Site("attn_out", 4)} == {Site("attn_out", 4), site}
