"""Which path is which page of prices and accounts."""

from django.urls import path

from server.billing.views import balances, months, plans, prices

urlpatterns = [
    path("prices", prices.prices),
    path("plans", plans.plans),
    path("balances", balances.balances),
    path("balances/<str:who>", balances.balance),
    path("balance-of", plans.of_member),
    path("balance-of/<str:who>", plans.of_member),
    path("months", months.months),
    path("months/<str:which>", months.month),
    path("statements/<str:number>", months.statement),
    path("shares", plans.owners),
]
