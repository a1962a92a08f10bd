"""The methods, data sets and baselines that ship with steerstack, each a plugin like a stranger's."""
